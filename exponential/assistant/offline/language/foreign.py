"""A message in another language than English: one sentence in that language, and nothing is done."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """`letters`: a script that nobody but its readers writes. `words`: small ones that English hasn't."""

    reply: str
    words: frozenset[str] = frozenset()
    letters: re.Pattern[str] | None = None


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Ten languages that most people write to each other besides English.
LANGUAGES = {
    "hi": Language(
        "भाषा मॉडल के बिना मैं केवल अंग्रेज़ी समझता हूँ। मैंने कुछ नहीं किया।",
        _words(
            "mujhe karna hai hain kya mera meri kal yaad dilana dilao karo karna nahi aaj ka ki ke ko se kab "
            "kaun batao"),
        re.compile(r"[\u0900-\u097f]"),
    ),
    "es": Language(
        "Sin un modelo de lenguaje solo entiendo inglés. No he hecho nada.",
        _words(
            "el los las una unos de del que para por con mañana hoy recuérdame recuerdame tarea tareas comprar "
            "llamar qué cuál cuáles mi mis tengo hacer lista borra añade agrega está hola gracias pendientes"),
    ),
    "pt": Language(
        "Sem um modelo de linguagem só entendo inglês. Não fiz nada.",
        _words(
            "o os uma de do da dos das que para por com amanhã hoje lembra me lembre tarefa tarefas comprar "
            "ligar qual quais minha minhas meu tenho fazer lista apaga adiciona está olá obrigado obrigada não "
            "pra"),
    ),
    "id": Language(
        "Tanpa model bahasa, saya hanya mengerti bahasa Inggris. Saya tidak melakukan apa pun.",
        _words(
            "saya aku ingatkan besok hari ini tugas untuk dan yang di ke dari beli telepon apa daftar tolong "
            "tambahkan hapus selesai belum sudah tidak jam pagi sore dengan buat"),
    ),
    "ar": Language(
        "من دون نموذج لغوي لا أفهم إلا الإنجليزية. لم أفعل شيئًا.",
        letters=re.compile(r"[\u0600-\u06ff]"),
    ),
    "ru": Language(
        "Без языковой модели я понимаю только английский. Я ничего не сделал.",
        letters=re.compile(r"[\u0400-\u04ff]"),
    ),
    "de": Language(
        "Ohne Sprachmodell verstehe ich nur Englisch. Ich habe nichts getan.",
        _words(
            "ich mich mir der die das den dem ein eine einen und nicht ist sind für mit auf zu zum zur erinnere "
            "erinner morgen heute aufgabe aufgaben kaufen anrufen bitte was welche meine mein liste lösche füge "
            "hinzu erledigt übermorgen uhr im am noch muss"),
    ),
    "it": Language(
        "Senza un modello linguistico capisco solo l'inglese. Non ho fatto nulla.",
        _words(
            "il lo gli una di del della che per con domani oggi ricordami compito compiti attività comprare "
            "chiamare quali mio mia miei devo fare lista cancella aggiungi è ciao grazie sono alle non"),
    ),
    "fr": Language(
        "Sans modèle de langage, je ne comprends que l'anglais. Je n'ai rien fait.",
        _words(
            "le les des une du de et que pour avec demain aujourd'hui rappelle rappelle-moi moi tâche tâches "
            "tache acheter appeler quelles quelle mes mon ma dois faire liste supprime ajoute est bonjour merci "
            "je j'ai à la sont pas"),
    ),
    "tr": Language(
        "Dil modeli olmadan yalnızca İngilizce anlıyorum. Hiçbir şey yapmadım.",
        _words(
            "bana beni yarın bugün hatırlat görev görevler için ve bir al ara ne hangi listem benim yapmam lazım "
            "sil ekle bitti merhaba teşekkürler var yok saat"),
    ),
}  # fmt: skip
_ENGLISH = _words(
    """
    the a an to of and in on for is are was my me i you it this that what when how add create remind task tasks list
    buy call done with at by tomorrow today week due delete show mark move all have need do be from project meeting
    has will not please can there up
    """
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")
_COMMANDS = _words("add create remind delete mark move show rename put task todo remember done")  # of English
SHARE = 0.34  # of the words that are small ones of the language, at least


def answer(text: str) -> str | None:
    """The sentence to say to a message in one of LANGUAGES; None for one that may be English."""
    text = _QUOTED.sub(" ", text)
    first = _WORD.search(text)
    if first is not None and first[0].lower() in _COMMANDS:
        return None
    letters = [letter for letter in text if letter.isalpha()]
    for language in LANGUAGES.values():
        if language.letters is not None and len(language.letters.findall(text)) * 2 > len(letters) > 2:
            return language.reply
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    if len(words) < 3 or any(
        word in _ENGLISH - {"me", "a", "do", "in", "on", "an", "i", "was", "all", "has"} for word in words[:2]
    ):
        return None
    english = sum(word in _ENGLISH for word in words)
    counts = {code: sum(word in language.words for word in words) for code, language in LANGUAGES.items()}
    code = max(counts, key=lambda one: counts[one])
    is_other = counts[code] >= 2 and counts[code] > english and counts[code] >= SHARE * len(words)
    return LANGUAGES[code].reply if is_other else None
