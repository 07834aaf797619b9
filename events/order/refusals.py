"""Why the order stream refuses a command. The docstring is the text that its sender reads, so it says what to do."""

from events.decider import Refusal


class OrderUnknown(Refusal):
    """No order with this id has been placed: check the id, or send the order first."""


class LineUnknown(Refusal):
    """The order has no line with this id: read the order to see its lines."""


class RunUnknown(Refusal):
    """The line has no such print run: read the order's timeline to see its runs."""


class ParcelUnknown(Refusal):
    """The order has no such parcel: read the order to see its parcels."""


class OrderEmpty(Refusal):
    """The order has no lines to make: send at least one line with a quantity."""


class QuantityOutOfRange(Refusal):
    """A line's quantity must be from 1 to 1,000: split larger quantities over several lines."""


class LineIdsNotDistinct(Refusal):
    """Each line of an order needs an id of its own: an empty or a repeated one would lose a line."""


class TooManyLines(Refusal):
    """An order can have at most 200 lines: split it into several orders."""


class TooManyAreas(Refusal):
    """A line can have at most 8 printed areas: leave out those that carry nothing."""


class AreaNamedTwice(Refusal):
    """A line names a print area twice: say once what is printed on each."""


class TooLateToEdit(Refusal):
    """The goods are made, or their partner will not stop any more: they are sent as they are. Order the other anew."""


class EditUnderWay(Refusal):
    """Another change of this line waits for its partner's answer: try again once the timeline shows what came of it."""


class AlreadyShipped(Refusal):
    """The parcel is on its way, so its address can no longer change: ask the carrier to redirect it."""


class ParcelNotHere(Refusal):
    """The parcel is on its way, or its label is being bought: ask the carrier to redirect it, or try again later."""


class TooManyParcels(Refusal):
    """This order has had as many parcels as an order may have: cancel the goods of this one, or order them anew."""


class NoAddressSuggested(Refusal):
    """No carrier suggests another spelling of this order's address: mend the address at the store instead."""


class ProofNotWaiting(Refusal):
    """This line's proof is not waiting for an answer: read the order to see what it waits for."""


class ProofOutdated(Refusal):
    """Another version of the proof is waiting: look at the newest one and answer that."""


class HoldUnknown(Refusal):
    """The order is not held for this reason: read the order to see its holds."""


class StillUnmapped(Refusal):
    """The line's SKU is not mapped: map the SKU, and the hold goes by itself."""


class StillBlocked(Refusal):
    """The line's artwork cannot be printed as it is: replace it, and the hold goes by itself."""


class NothingPrinted(Refusal):
    """The line is ready-made, so nothing is printed on it: order a product that can be printed instead."""


class NothingToCancel(Refusal):
    """Nothing of this order can be cancelled any more: it is on its way or cancelled already."""


class UnitsNotPrinted(Refusal):
    """These units have not been printed, so they cannot be printed again: read the order to see its runs."""


class UnitsBeingMade(Refusal):
    """These units are being made right now: wait until they are inspected, then ask again."""


class NotAtInspection(Refusal):
    """Photographs are looked at while a print run waits for a person's verdict: read the order to see its runs."""


class TooManyPhotos(Refusal):
    """A print run can have at most 16 photographs of people's: give the verdict by those that are there."""


class NotToBePrinted(Refusal):
    """This print run is not to be imaged now: it is cancelled, held or has other files. Take it out of the batch."""


class PrintedTooOften(Refusal):
    """This line has had as many print runs as a line may have: cancel the rest, or order it anew."""


class ExceptionUnknown(Refusal):
    """The order has no such open exception: read the order to see its exceptions."""


class KindReserved(Refusal):
    """Exceptions of this kind are raised and settled by the order itself: choose a kind of your own."""


class PaymentKindUnknown(Refusal):
    """The kind of a payment is authorised, captured, voided or refunded."""


class StillBeingMade(Refusal):
    """The order is still being made, or somebody is still being told: cancel it or wait until it ends, then erase."""


class AlreadyErased(Refusal):
    """The order's personal data is erased: nothing can be made or sent for it any more."""


class ClaimUnknown(Refusal):
    """The order has no such claim: read the order's claims to see them."""


class ClaimReasonUnknown(Refusal):
    """A claim has one of the reasons that the API's description lists, and the wish 'refund', 'reprint' or none."""


class TooManyClaims(Refusal):
    """An order can have at most 30 claims, and a claim at most 5 pictures: leave out what is not needed."""


class UnitsNotSent(Refusal):
    """A claim is about units that were sent: read the order's parcels; what has not left can be edited or cancelled."""


class UnitsClaimedAlready(Refusal):
    """Some of these units have an open claim, or their money was given back: read the order's claims."""


class UnitsMadeAgain(Refusal):
    """Some of these units were made again or paid back since, so they are not sent again: keep or refund the others."""


class UnitsReplaced(Refusal):
    """Some units were made or sent again since: keep or refuse this claim, and claim anew what is still owed."""


class ClaimDecidedAlready(Refusal):
    """This claim was decided: read the order's claims to see how. What came up since is a new claim."""


class ClaimOutcomeUnfit(Refusal):
    """A complaint ends in refund, reprint or refuse; a return in refund, reprint, reship or keep: choose one."""


class RefundOutOfRange(Refusal):
    """So much cannot be given back: at most what the units cost, within what the order cost and was not given back."""
