"""Another language gets one sentence in it, and nothing is done; English is never taken for one."""

import pytest

from benchmarks.phrasing_sets import BLIND, SETS, phrasings
from exponential.assistant.offline.language import foreign


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("hi", "मुझे कल दूध खरीदने की याद दिलाओ"),
        ("hi", "mujhe kal yaad dilana doodh lena hai"),
        ("es", "recuérdame mañana a las 9 que llame a mamá"),
        ("es", "¿qué tareas tengo para hoy?"),
        ("pt", "me lembra amanhã de ligar para a minha mãe"),
        ("pt", "quais tarefas eu tenho hoje?"),
        ("id", "ingatkan saya besok jam 9 untuk beli susu"),
        ("ar", "ذكرني غدا بشراء الحليب"),
        ("ru", "напомни мне завтра купить молоко"),
        ("de", "erinnere mich morgen an die Milch"),
        ("de", "was steht heute auf meiner Liste und was ist noch offen?"),
        ("it", "ricordami domani di comprare il latte"),
        ("fr", "rappelle-moi demain d'acheter du lait pour les enfants"),
        ("tr", "bana yarın süt almayı hatırlat, bugün ne var"),
    ],
)
def test_other_languages(code: str, text: str) -> None:
    assert foreign.answer(text) == foreign.LANGUAGES[code].reply


@pytest.mark.parametrize("name", [*SETS, *BLIND])
def test_english_is_english(name: str) -> None:
    assert [phrasing.text for phrasing in phrasings(name) if foreign.answer(phrasing.text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "add Café de Paris reservation",
        "add “recuérdame la tarea” to my list",
        "call Müller über GmbH",
        "add die Zeit abo",
        "ok",
        "",
    ],
)
def test_names_and_quotes_are_no_language(text: str) -> None:
    assert foreign.answer(text) is None
