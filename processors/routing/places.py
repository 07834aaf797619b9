"""Where places are, roughly: enough to tell a near partner from a far one.

Country positions are the "Geographic coordinates" of the CIA World Factbook (public domain), rounded to whole degrees;
those of the states of the USA are the states' geographic centres as the U.S. Geological Survey lists them (Geological
Survey Bulletin 1532, public domain), rounded likewise. A degree is at most 111 km, so the error stays well below the
difference between two partners that distance should tell apart.
"""

from __future__ import annotations

from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from typing import Final

#: Mean radius of the earth (IUGG), km.
EARTH_RADIUS_KM: Final = 6371.0
#: Half the earth's circumference: no place is farther away.
FARTHEST_KM: Final = 20015

#: Partners and destinations are few: so many distances between them are kept.
PLACES_KEPT: Final = 100_000

Place = tuple[float, float]
"""Latitude and longitude in degrees, north and east positive."""


def _table(text: str) -> dict[str, Place]:
    """Read `CODE latitude longitude` triples."""
    words = text.split()
    return {words[i]: (float(words[i + 1]), float(words[i + 2])) for i in range(0, len(words), 3)}


COUNTRIES: Final = _table(
    """
    AD 43 2   AE 24 54  AF 33 65  AG 17 -62 AI 18 -63 AL 41 20  AM 40 45  AO -13 19 AR -34 -64 AS -14 -171
    AT 47 13  AU -27 133 AW 13 -70 AZ 41 48 BA 44 18  BB 13 -60 BD 24 90  BE 51 4   BF 13 -2  BG 43 25
    BH 26 51  BI -4 30  BJ 10 2   BM 32 -65 BN 5 115  BO -17 -65 BR -10 -55 BS 24 -76 BT 28 91 BW -22 24
    BY 53 28  BZ 17 -89 CA 60 -95 CD 0 25   CF 7 21   CG -1 15  CH 47 8   CI 8 -5   CL -30 -71 CM 6 12
    CN 35 105 CO 4 -72  CR 10 -84 CU 22 -80 CV 16 -24 CW 12 -69 CY 35 33  CZ 50 16  DE 51 9   DJ 12 43
    DK 56 10  DM 15 -61 DO 19 -71 DZ 28 3   EC -2 -78 EE 59 26  EG 27 30  ER 15 39  ES 40 -4  ET 8 38
    FI 64 26  FJ -18 175 FM 7 158 FO 62 -7  FR 46 2   GA -1 12  GB 54 -2  GD 12 -62 GE 42 44  GF 4 -53
    GG 49 -3  GH 8 -2   GI 36 -5  GL 72 -40 GM 13 -17 GN 11 -10 GP 16 -62 GQ 2 10   GR 39 22  GT 16 -90
    GU 13 145 GW 12 -15 GY 5 -59  HK 22 114 HN 15 -87 HR 45 16  HT 19 -72 HU 47 20  ID -5 120 IE 53 -8
    IL 31 35  IM 54 -5  IN 20 77  IQ 33 44  IR 32 53  IS 65 -18 IT 43 13  JE 49 -2  JM 18 -78 JO 31 36
    JP 36 138 KE 1 38   KG 41 75  KH 13 105 KI 1 173  KM -12 44 KN 17 -63 KR 37 128 KW 30 46  KY 20 -81
    KZ 48 68  LA 18 105 LB 34 36  LC 14 -61 LI 47 10  LK 7 81   LR 6 -10  LS -30 29 LT 56 24  LU 50 6
    LV 57 25  LY 25 17  MA 32 -5  MC 44 7   MD 47 29  ME 43 19  MG -20 47 MH 9 168  MK 42 22  ML 17 -4
    MM 22 98  MN 46 105 MO 22 114 MP 15 146 MQ 15 -61 MR 20 -12 MS 17 -62 MT 36 15  MU -20 58 MV 3 73
    MW -14 34 MX 23 -102 MY 3 113 MZ -18 35 NA -22 17 NC -22 166 NE 16 8  NG 10 8   NI 13 -85 NL 53 6
    NO 62 10  NP 28 84  NR -1 167 NZ -41 174 OM 21 57 PA 9 -80  PE -10 -76 PF -15 -140 PG -6 147 PH 13 122
    PK 30 70  PL 52 20  PR 18 -67 PS 32 35  PT 40 -8  PW 7 134  PY -23 -58 QA 26 51 RE -21 56 RO 46 25
    RS 44 21  RU 60 100 RW -2 30  SA 25 45  SB -8 159 SC -5 56  SD 15 30  SE 62 15  SG 1 104  SI 46 15
    SK 49 20  SL 8 -12  SM 44 12  SN 14 -14 SO 10 49  SR 4 -56  SS 8 30   ST 1 7    SV 14 -89 SY 35 38
    SZ -27 32 TC 22 -72 TD 15 19  TG 8 1    TH 15 100 TJ 39 71  TL -9 126 TM 40 60  TN 34 9   TO -20 -175
    TR 39 35  TT 11 -61 TV -8 178 TW 24 121 TZ -6 35  UA 49 32  UG 1 32   US 38 -97 UY -33 -56 UZ 41 64
    VA 42 12  VC 13 -61 VE 8 -66  VG 18 -65 VI 18 -65 VN 16 108 VU -16 167 WS -14 -172 XK 43 21 YE 15 48
    ZA -29 24 ZM -15 30 ZW -20 30
    """
)

US_STATES: Final = _table(
    """
    AL 33 -87 AK 64 -152 AZ 34 -112 AR 35 -92 CA 37 -119 CO 39 -106 CT 42 -73 DE 39 -75 DC 39 -77 FL 28 -82
    GA 33 -83 HI 20 -156 ID 44 -115 IL 40 -89 IN 40 -86 IA 42 -94 KS 38 -98 KY 37 -85 LA 31 -92 ME 45 -69
    MD 39 -77 MA 42 -72 MI 45 -85 MN 46 -95 MS 33 -90 MO 38 -93 MT 47 -110 NE 42 -100 NV 39 -117 NH 44 -72
    NJ 40 -75 NM 34 -106 NY 43 -76 NC 36 -79 ND 47 -100 OH 40 -83 OK 36 -97 OR 44 -121 PA 41 -78 RI 42 -72
    SC 34 -81 SD 44 -100 TN 36 -87 TX 31 -99 UT 39 -112 VT 44 -73 VA 37 -79 WA 47 -120 WV 39 -81 WI 44 -90
    WY 43 -108
    """
)


def place_of(country: str, region: str = "") -> Place | None:
    """Roughly where a destination is: the state for the USA where it is named, else the country; None if unknown."""
    if country == "US" and (state := US_STATES.get(region.upper().removeprefix("US-"))) is not None:
        return state
    return COUNTRIES.get(country)


@lru_cache(PLACES_KEPT)
def distance_km(a: Place, b: Place) -> int:
    """Great-circle distance of two places by the haversine formula, km."""
    (latitude_a, longitude_a), (latitude_b, longitude_b) = a, b
    half_latitude = sin(radians(latitude_b - latitude_a) / 2) ** 2
    half_longitude = sin(radians(longitude_b - longitude_a) / 2) ** 2
    chord = half_latitude + cos(radians(latitude_a)) * cos(radians(latitude_b)) * half_longitude
    return round(2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord))))
