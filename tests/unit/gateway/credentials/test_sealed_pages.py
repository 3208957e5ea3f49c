"""Sealed pages: what is put back is what was sealed, or it isn't taken."""

from collections.abc import Callable

import pytest

from exponential.gateway.credentials import sealed_pages
from exponential.gateway.credentials.sealed_pages import Manifest, PageCipher, PagesDamaged

CONTENT = bytes(range(256)) * 16 * 3 + b"a shorter last page"
Pages = dict[int, bytes]


def sealed(cipher: PageCipher, content: bytes = CONTENT, generation: int = 7) -> tuple[Manifest, Pages]:
    kept = {number: cipher.seal_page(number, page) for number, page in sealed_pages.split(content).items()}
    return Manifest(generation, len(content), [sealed_pages.digest(page) for page in kept.values()]), kept


@pytest.fixture
def cipher() -> PageCipher:
    return PageCipher(b"k" * 32, "a store")


def test_what_was_sealed_is_opened(cipher: PageCipher) -> None:
    manifest, kept = sealed(cipher)
    assert cipher.open_manifest(cipher.seal_manifest(manifest)) == manifest
    assert cipher.open_pages(manifest, kept) == CONTENT
    assert cipher.open_pages(*sealed(cipher, b"")) == b""
    assert all(CONTENT[:32] not in page for page in kept.values())
    assert cipher.seal_page(0, CONTENT[:4096]) != cipher.seal_page(0, CONTENT[:4096])


def flipped(kept: Pages) -> None:
    kept[1] = kept[1][:100] + bytes([kept[1][100] ^ 1]) + kept[1][101:]


def swapped(kept: Pages) -> None:
    kept[0], kept[1] = kept[1], kept[0]


def of_another_store(kept: Pages) -> None:
    kept.update(sealed(PageCipher(b"k" * 32, "another store"))[1])


def an_old_one(kept: Pages) -> None:
    kept[2] = PageCipher(b"k" * 32, "a store").seal_page(2, b"what stood there before".ljust(4096))


def missing(kept: Pages) -> None:
    del kept[2]


def the_last_is_missing(kept: Pages) -> None:
    del kept[3]


def one_too_many(kept: Pages) -> None:
    kept[4] = kept[3]


def too_short(kept: Pages) -> None:
    kept[3] = kept[3][:5]


@pytest.mark.parametrize(
    "damage", [flipped, swapped, of_another_store, an_old_one, missing, the_last_is_missing, one_too_many, too_short]
)
def test_a_page_that_does_not_belong_there_is_noticed(cipher: PageCipher, damage: Callable[[Pages], None]) -> None:
    manifest, kept = sealed(cipher)
    damage(kept)
    with pytest.raises(PagesDamaged):
        cipher.open_pages(manifest, kept)
    # Even if the manifest could be rewritten, a page can't be moved or made.
    rewritten = Manifest(7, len(CONTENT), [sealed_pages.digest(kept[number]) for number in sorted(kept)])
    if damage is not an_old_one:
        with pytest.raises(PagesDamaged):
            cipher.open_pages(rewritten, kept)


@pytest.mark.parametrize("other", [PageCipher(b"x" * 32, "a store"), PageCipher(b"k" * 32, "another store")])
def test_a_manifest_of_another_store_or_key_is_noticed(cipher: PageCipher, other: PageCipher) -> None:
    manifest, kept = sealed(cipher)
    with pytest.raises(PagesDamaged):
        other.open_manifest(cipher.seal_manifest(manifest))
    with pytest.raises(PagesDamaged):
        other.open_pages(manifest, kept)
    for damaged in (b"", b"short", cipher.seal_manifest(manifest)[:-1], kept[0]):
        with pytest.raises(PagesDamaged):
            cipher.open_manifest(damaged)


def test_only_what_differs_is_changed() -> None:
    after = bytearray(CONTENT)
    after[5000] ^= 1
    assert sealed_pages.changed(CONTENT, CONTENT) == []
    assert sealed_pages.changed(CONTENT, bytes(after)) == [1]
    assert sealed_pages.changed(b"", CONTENT) == [0, 1, 2, 3]
    assert sealed_pages.changed(CONTENT, CONTENT + b"!") == [3]
    assert sealed_pages.changed(CONTENT, CONTENT[:4096]) == []
