"""Words behind a number: what is counted or the unit that it is measured in, in any language."""

from __future__ import annotations

import re
import unicodedata

from operators.kernels.maths.numbers import POWER, N


def words(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


#: A numeral at the beginning, as far as it goes.
NUMERAL = re.compile(
    rf"[+-]?\s?(?:[0-9]+(?:\s|(?=\\frac)))?(?:\\frac\{{-?(?:{N})\}}\{{(?:{N})\}}|(?:{N})/(?:{N})"
    rf"|(?:{N})(?:\s?(?:\\times|\\cdot|\*)\s?{POWER})?|{POWER.replace('power', 'bare')})(?![0-9.,]*[0-9])".replace(
        "?P<power>", ""
    ).replace("?P<bare>", "")
)
CURRENCY = re.compile(r"([+-]?)\s*(\\?\$|[€£¥₽₹฿₺₫₴₸]|\\text\{원\}|\\pounds|\\euro)\s*(?=[0-9])")
CURRENCIES = {
    **{"$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "₽": "рубль", "₹": "rupee", "฿": "บาท", "₺": "lira", "₫": "đồng"},
    **{"₴": "гривня", "₸": "теңге", "\\text{원}": "원", "\\pounds": "pound", "\\euro": "euro"},
}

#: Words that change, bound, deny or join the number before them: what they stand in is no number with a noun.
NEVER = words(
    """
    or and not no nor non isn minus plus times over to by than less more most least
    fewer greater below above under between about approximately per if when where is
    are was else otherwise because since mod modulo div squared cubed factorial
    point remainder hundred thousand million billion trillion dozen score half
    halves third thirds quarter quarters fourth fourths fifth fifths tenth tenths
    percent percentage hundredths thousandths k mn bn i e x y z pi sin cos tan cot
    sec csc log ln exp sqrt root lim max min one two three four five six seven eight
    nine ten eleven twelve twenty alpha beta gamma delta theta lambda sigma phi
    omega only wrong false incorrect impossible none base
    만 억 조 천 백 십 할 푼 이상 이하 미만 초과 또는 혹은 및 와 과 아님 아니다
    제곱 세제곱 배수 퍼센트 프로 이거나 그리고 약
    万 萬 億 亿 兆 千 百 十 或 和 以上 以下 不是 倍数
    หรือ และ ไม่ พัน หมื่น แสน ล้าน ร้อย สิบ или и не тысяч тысяча тысячи тыс
    миллион миллиона миллионов млн миллиард миллиарда миллиардов млрд сотен десятков
    або та і ні мільйон мільйонів мільярд тисяча тисяч мың миллионға және емес
    немесе या और नहीं सौ हज़ार हजार लाख करोड़ hoặc và không nghìn ngàn triệu tỷ tỉ
    trăm chục veya ve değil bin milyon milyar yüz یا و نیست هزار میلیون میلیارد صد
    أو ليس ألف آلاف مليون مليار مئة مائة
    """
)
#: By what a word denies, bounds or multiplies where words are not parted, as in 5만원.
DENYING = re.compile(
    r"아니|아닌|않|없|못|이상$|이하$|미만$|초과$|ない|ありま"
    r"|^(?:[만억천백십할푼割万萬億亿兆千百十半]|조(?!각)|다스|ล้าน|แสน|หมื่น|พัน|ร้อย|สิบ)"
)

#: How a Korean sentence ends behind a noun.
COPULA = re.compile(r"(?:입니다|이다|이에요|예요)\Z")

#: Units of one or two letters, which are no product of variables where a space or `\text` parts them from the number.
SHORT = words(
    """
    m g s h L l N J W V K A T F Hz Pa eV kg mg km cm mm nm um ml mL dl cl kJ kW kN kV mV mA MW GW GB MB KB TB kB
    ft in yd mi lb oz hr min sec mph kph km/h m/s rad deg sq cu ha pt qt gal cc am pm mol cal
    """
)
#: Other names of a unit.
NAMES = {
    **dict.fromkeys(("meter", "metre", "미터", "метр", "метров", "метра", "เมตร", "mét", "metr"), "m"),
    **dict.fromkeys(("kilometer", "kilometre", "킬로미터", "километр", "километров", "กิโลเมตร"), "km"),
    **dict.fromkeys(("centimeter", "centimetre", "센티미터", "сантиметр", "เซนติเมตร"), "cm"),
    **dict.fromkeys(("millimeter", "millimetre"), "mm"),
    **dict.fromkeys(("gram", "gramme", "그램", "грамм", "กรัม"), "g"),
    **dict.fromkeys(("kilogram", "kilo", "킬로그램", "килограмм", "กิโลกรัม", "kilogramme"), "kg"),
    **dict.fromkeys(("liter", "litre", "리터", "l", "литр", "ลิตร"), "L"),
    **dict.fromkeys(("second", "sec", "초", "секунд", "วินาที"), "s"),
    **dict.fromkeys(("minute", "분", "минут", "นาที"), "min"),
    **dict.fromkeys(("hour", "hr", "시간", "часов", "ชั่วโมง"), "h"),
    **dict.fromkeys(("inch",), "in"),
    **dict.fromkeys(("foot", "feet"), "ft"),
    **dict.fromkeys(("degree", "deg", "도", "градус", "градусов", "องศา"), "°"),
    **dict.fromkeys(("usd", "달러", "доллар", "долларов", "ดอลลาร์", "buck"), "dollar"),
    **dict.fromkeys(("won", "krw"), "원"),
    **dict.fromkeys(("people", "persons"), "person"),
    **dict.fromkeys(("men",), "man"),
    **dict.fromkeys(("women",), "woman"),
    **dict.fromkeys(("children",), "child"),
    **dict.fromkeys(("mile per hour",), "mph"),
}
PLURALS = (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("uses", "us"), ("s", ""))
MOST = 4
"""Words behind a number: more are a sentence."""
TAIL = re.compile(r"[^0-9\\{}<>=+*,;:|()\[\]&#@!?%]*")
RAISED = re.compile(r"(?<=[^\W\d_])\}?\s?\^\s?\{?([23])\}?|(?<=[^\W\d_])([23])(?=$|/)")
OPENED = re.compile(r"\\text\s*\{([^{}]*)\}")
KNOWN_LAST = re.compile(r"(?<=[0-9})])\s+([A-Za-z/]+)((?:\s?\^\s?\{?[23]\}?)?)\Z")


def counted(text: str) -> tuple[str, str]:
    r"""A number without the word behind it, and that word in one form, or the text and nothing.

    Example:
        >>> [counted(text) for text in ("5 apples", r"5\text{ km}", "12개", r"3\sqrt{2}\text{ cm}^2", "5x", "5 or 6", "$5")]
        [('5', 'apple'), ('5', 'km'), ('12', '개'), ('3\\sqrt{2}', 'cm^2'), ('5x', ''), ('5 or 6', ''), ('5', 'dollar')]
    """
    before = CURRENCY.match(text)
    if before is not None and (rest := before[1] + text[before.end() :]):
        head, noun = counted(rest)
        sign = CURRENCIES[before[2].lstrip("\\") if before[2].endswith("$") else before[2]]
        return (head, sign) if noun in ("", sign) and NUMERAL.fullmatch(head) else (text, "")
    numeral = NUMERAL.match(text)
    if numeral is not None and numeral.end() < len(text):
        noun = noun_of(text[numeral.end() :])
        if noun:
            return numeral[0], noun
    place = next(
        (at for at, char in enumerate(text) if ord(char) > 127 or text.startswith(("\\text", "^\\circ", "^{\\circ"), at)), 0
    )
    if place and (text[:place].rstrip()[-1:] in set("0123456789})") or text[:place].rstrip().endswith("\\pi")):
        noun = noun_of(text[place:])
        if noun:
            return text[:place].rstrip(), noun
    last = KNOWN_LAST.search(text)
    if last is not None and last[1] in SHORT:
        return text[: last.start()].rstrip(), named(last[1]) + re.sub("[^23^]", "", last[2])
    return text, ""


def noun_of(tail: str) -> str:
    r"""What stands behind a number, in one form; nothing where it is no noun.

    Example:
        >>> [noun_of(tail) for tail in (" people", r"\text{ km/h}", "x", " thousand", "^\\circ", " or more", " m^2", "만")]
        ['person', 'km/h', '', '', '°', '', 'm^2', '']
    """
    apart = tail[:1].isspace() or tail.startswith("\\text")
    tail = re.sub(r"\s?\^\s?\{?\s*\\circ\s*\}?", "°", tail)
    tail = OPENED.sub(r"\1", tail).replace("\\$", "$").replace("\\cdot", "·").replace("\\circ", "°")
    tail = RAISED.sub(lambda found: f"^{found[1] or found[2]}", tail).strip().rstrip(".").strip()
    if tail in CURRENCIES:
        return CURRENCIES[tail]
    tail = COPULA.sub("", re.sub(r"(?<=\w)\s+per\s+(?=\w)", "/", tail))
    bare = re.sub(r"\^[23]", "", tail)
    if not bare or TAIL.fullmatch(bare) is None or not all(map(belongs, bare)):
        return ""
    parted = re.split(r"[\s·/-]+", bare)
    if (
        not parted[0]
        or len(parted) > MOST
        or any(word.casefold().strip(".'’") in NEVER for word in parted)
        or DENYING.search(bare)
    ):
        return ""
    if bare.isascii() and len(parted) == 1 and not is_word(parted[0], apart):
        return ""
    parts = re.split(r"(\^[23]|[\s·/-]+)", tail)
    return re.sub(r"\s+", " ", "".join(named(part) if at % 2 == 0 else part for at, part in enumerate(parts)))


def belongs(char: str) -> bool:
    """Whether a character may stand in a noun."""
    return char in " ./·-'’°^" or unicodedata.category(char)[0] in "LM" or char in "\u200c\u200d"


def is_word(word: str, apart: bool) -> bool:
    """Whether Latin letters behind a number are a word or a unit, and no product of variables."""
    word = word.strip(".")
    if word in SHORT:
        return apart or len(word) > 1
    if len(word) < 3 or not set("aeiouy") & set(word.casefold()):
        return False
    return len(word) > 3 or (apart and list(word) != sorted(word))


def named(word: str) -> str:
    """A noun in the singular, by the name that it is known by; short units keep their case."""
    name = word if word in SHORT else word.casefold().strip(".")
    name = NAMES.get(name, name)
    if name in SHORT or not name.isascii():
        return name
    for ending, other in PLURALS:
        if len(name) > len(ending) + 1 and name.endswith(ending) and not name.endswith(("ss", "us")):
            name = name.removesuffix(ending) + other
            break
    return NAMES.get(name, name)
