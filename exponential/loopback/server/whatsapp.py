"""A simulated WhatsApp: the registers and the phones on it. `Loopback` is one that clients can reach."""

from exponential.loopback.phones.phone import Phone
from exponential.loopback.server.registers import Registers


class WhatsApp(Registers):
    """`phones` are in the order in which they came."""

    def __init__(self) -> None:
        super().__init__()
        self.phones: list[Phone] = []

    def add_phone(self, number: str, name: str = "") -> Phone:
        """A simulated phone with a new account. `number` in international form, e.g. +4915112345678."""
        phone = Phone(self, number, name or f"Phone {number[-2:]}")
        self.phones.append(phone)
        phone.introduce()
        return phone
