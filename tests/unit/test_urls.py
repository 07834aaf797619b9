"""Addresses with a name and a password in them."""

import pytest

from infra.urls import Address, address_of


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://registry.example:8081", Address("http://registry.example:8081")),
        ("https://key:s%40cret@registry.example/api", Address("https://registry.example/api", "key", "s@cret")),
        ("smtp://user@mail.example:25", Address("smtp://mail.example:25", "user")),
    ],
)
def test_an_address_is_shown_without_the_password_that_it_carries(url: str, address: Address) -> None:
    assert address_of(url) == address
