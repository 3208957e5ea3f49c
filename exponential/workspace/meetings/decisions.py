"""Which sentences of a meeting say what was decided."""

import re

_LEAD = (
    r"(?:(?:ok(?:ay)?|so|then|right|great|good|perfect|alright|well|and|yes|fine|anyway|i\s+(?:think|guess)"
    r"|that\s+means)\b[\s,.–-]*)*"
)
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"^(?:(?:final\s+)?decision(?:\s+then)?|decided|agreed|resolved)\s*[:–-]\s*(?P<what>.+)",
        rf"^{_LEAD}(?:we|it\s+was|it['’]s|the\s+team)(?:\s*(?:['’]ve|['’]re|have|has|all|are|then|finally))?\s*(?:all\s+)?(?:been\s+)?"
        r"(?:decided|agreed|resolved|settled)\b(?!\s+(?:last|earlier|before|previously|in\s+(?:the\s+)?last)).*",
        rf"^{_LEAD}let['’]?s\s+(?:go\s+with|agree|settle|stick\s+(?:to|with)|decide|postpone|drop|keep|use|launch|ship|cancel"
        r"|remove|skip|stop)\b.*",
        rf"^{_LEAD}we(?:['’]ll|\s+will|['’]re|\s+are)\s+go(?:ing)?\s+(?:with|for|ahead)\b.*",
        # "going to" alone is a plan; after "so" or "good" it is what was settled.
        r"^(?:(?:ok(?:ay)?|so|then|right|great|good|perfect|alright)\b[\s,.–-]*)+we(?:['’]re|\s+are)\s+(?:not\s+)?going\s+to\s+(?!see\b|be\b).*",
        rf"^{_LEAD}(?:the\s+decision\s+is)\b.*",
        rf"^{_LEAD}we(?:['’]ll|\s+will)\s+(?:keep|drop|postpone|move|launch|use|stay|not)\b.*",
    )
)


def decided(sentence: str, in_list: bool = False) -> str | None:
    """What was decided, in the words of the sentence. `in_list`: it stands under "Decisions"."""
    if sentence.endswith("?"):
        return None
    for pattern in _PATTERNS:
        match = pattern.match(sentence)
        if match is not None:
            return (match.groupdict().get("what") or sentence).strip()
    return sentence.strip() if in_list else None
