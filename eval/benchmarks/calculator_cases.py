"""Expressions with the value that Python's own numbers give them, and expressions made to do harm."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

#: Of results that are not rational, this share may differ; the decimals they are compared with have 50 digits.
_TOLERANCE = Fraction(1, 10**45)
_FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")


@dataclass(frozen=True, slots=True)
class Case:
    """An expression and its value; ``tolerance`` is 0 where it is rational."""

    number: int
    expression: str
    expected: Fraction
    tolerance: Fraction = Fraction(0)


def agreement() -> list[Case]:
    """300 expressions, half of them Chinese: 230 by fractions, 70 by decimals. Always the same."""
    source = random.Random(2026)
    cases: list[Case] = []
    for number in range(230):
        expression, value = _rational(source, 1 + number % 4, chinese_words=number % 2 == 1)
        cases.append(Case(number, expression, value))
    with localcontext() as context:
        context.prec = 50
        for number in range(230, 300):
            name, apply = _IRRATIONAL[number % len(_IRRATIONAL)]
            # Primes over a power of ten have no rational root or logarithm.
            x = Decimal(source.choice([7, 11, 13, 101, 997, 7919])) / 10 ** source.randint(0, 2)
            value = Fraction(apply(x))
            cases.append(Case(number, name.format(x), value, abs(value) * _TOLERANCE))
    return cases


def chinese(number: int) -> str:
    """A number below 10^8 in Chinese characters, as it is taught at school."""
    if number == 0:
        return "零"
    if number >= 10_000:
        head, rest = divmod(number, 10_000)
        return chinese(head) + "万" + (("零" if rest < 1000 else "") + chinese(rest) if rest else "")
    text, gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, unit)
        if digit:
            text += ("零" if gap and text else "") + "零一二三四五六七八九"[digit] + name
        gap = not digit
    return text


def hostile() -> list[str]:
    """200 expressions that are too large, too deep, no expressions at all, or aim at what runs them."""
    source = random.Random(99)
    found = [
        "9**9**9",
        "9**9**9**9",
        "10**10**8",
        "2**(2**(2**(2**(2**2))))",
        "factorial(10**6)",
        "factorial(10**18)",
        "factorial(10**400)",
        "5!!!!",
        "9!!!",
        "(10**2999)*(10**2999)",
        "1e999999999",
        "1e99999999999999999999",
        "1e-999999",
        "10**-5000",
        "0.1**9000",
        "1.0000001**(10**9)",
        "(1+1/10**900)**5000",
        "2**0.5**-9999",
        "exp(10**9)",
        "exp(exp(exp(9)))",
        "9999999**0.999999999",
        "10**2999.9**9",
        "comb(10**9, 5*10**8)",
        "perm(10**6, 10**6)",
        "comb(10**3000, 10**6)",
        "lcm(" + ",".join(f"{n}**800" for n in range(900, 1000, 1)) + ")",
        "sum(" + ",".join(f"1/{n}**60" for n in range(900, 1000)) + ")",
        "stdev(" + ",".join(f"1/{n}**60" for n in range(900, 1000)) + ")",
        "root(2**9000, 10**9)",
        "sin(10**2000)",
        "round(1, 10**9)",
        "round(1/3, -10**9)",
        "gcd(2**9999999, 3)",
        "2**9999999 % 7",
        "(2**9999)*(2**9999)",
        "1 km**999999",
        "(" + "1 m * 1 s * 1 kg * 1 K * 1 B * 1 USD * 1 EUR" + ")**9",
        "((((1 m)**12)**12)**12)**12",
        "2026-01-01 + 10**18 days",
        "2026-01-01 + 10**12 workdays",
        "2026-01-01 - 99999999 years",
        "0001-01-01 - 1 day",
        "9" * 1000 + "**9",
        "9" * 5000,
        "1" * 100_000,
        "九" * 900,
        "万" * 900,
        "1" + "亿" * 500,
        "一" + "亿" * 500,
        "(" * 1000 + "1" + ")" * 1000,
        "(" * 400,
        ")" * 400,
        "-" * 900 + "1",
        "+-" * 400 + "1",
        "2**" * 300 + "2",
        "sqrt " * 150 + "2",
        "√" * 900 + "2",
        "1" + "!" * 900,
        "3" + "!" * 900,
        "1" + "%" * 900,
        "百分之" * 300 + "1",
        "1分之" * 200 + "1",
        "max(" * 200 + "1" + ")" * 200,
        "," * 900,
        "1," * 450,
        "max(" + "1," * 450 + "1)",
        "1+" * 499,
        "1 " * 400,
        "1 m " * 200,
        "to " * 300,
        "5 km" + " to m" * 180,
        "=" * 900,
        "<" * 900,
        "的" * 900,
        "和" * 900,
        "请问" * 400,
        "a" * 1000,
        "x" * 900,
        "_" * 900,
        "." * 900,
        "e" * 900,
        "1e" * 400,
        "1_" * 400,
        "1.1.1.1.1.1",
        "0x" + "f" * 500,
        "\ufdfa" * 900,
        "\u0300" * 900,
        "🙂" * 900,
        "\x00" * 100,
        "\ud83d\ude42",
        "１" * 1000 + "＊＊９",
        "从" * 60 + "到" * 60 + "有多少天",
        "和" * 100 + "的和",
        "1和" * 60 + "1的最大公约数是多少",
        "除以" * 60 + "的余数",
        "the " * 200,
        "__import__('os').system('id')",
        "().__class__.__bases__[0].__subclasses__()",
        "open('/etc/passwd').read()",
        "exec('import os')",
        "lambda: 1",
        "[x for x in range(10**9)]",
        "'a' * 10**9",
        '"%s" % 10**9',
        "{1: 2}",
        "1; import os",
        "1\nimport os",
        "globals()",
        "f'{1}'",
        "print(1)",
        "while True: pass",
        "os.system('id')",
        "9 if 1 else 9**9**9",
        "0 and 9**9**9",
        "a := 9",
        "1 << 10**9",
        "~1",
        "1 | 2",
        "pow(9, 9**9)",
        "int('9' * 10**6)",
        "range(10**9)",
        "1j ** 2",
        "inf - inf",
        "nan",
        "1/0",
        "0/0",
        "0**-1",
        "5 mod 0",
        "ln(0)",
        "log(5, 1 + 1/10**900)",
        "sqrt(-1)",
        "tan(90°)",
        "weekday(10**9)",
        "date(10**9, 1, 1)",
        "2026-99-99",
        "$" * 500,
        "$10**9**9",
        "20°C * 10**5",
        "1 USD to " + "EUR" * 300,
        "壹" * 1000,
        "点" * 900,
        "一点" + "一" * 900,
        "打" * 500 + "折",
        "9" * 300 + "折",
    ]
    alphabet = [
        "9",
        "**",
        "(",
        ")",
        "!",
        "%",
        "一",
        "亿",
        "factorial(",
        "sqrt ",
        "e",
        ".",
        ",",
        "/",
        " km",
        "到",
        "的",
        "-",
        "to ",
    ]
    while len(found) < 200:
        found.append("".join(source.choice(alphabet) for _ in range(source.randint(50, 900))) + "**9**9**9")
    return found[:200]


def _rational(source: random.Random, depth: int, chinese_words: bool) -> tuple[str, Fraction]:
    if depth == 0:
        return _number(source, chinese_words)
    plus, minus, times, by = (
        ("加", "减", "乘以", "除以") if chinese_words else ("+", "-", source.choice("*×"), source.choice("/÷"))
    )
    left, value = _rational(source, depth - 1, chinese_words)
    sign = source.choice("+-*/^%")
    if sign == "^":
        exponent = source.randint(0, 4)
        return f"({left}) ** {exponent}", value**exponent
    right, other = _rational(source, depth - 1, chinese_words)
    if sign == "%":
        return f"({left}) mod (1 {plus} ({right}) ^ 2)", value % (1 + other**2)
    if sign == "/":
        return f"（{left}）{by}（1 {plus} ({right}) ^ 2）", value / (1 + other**2)
    word, result = {"+": (plus, value + other), "-": (minus, value - other), "*": (times, value * other)}[sign]
    return f"({left}) {word} ({right})", result


def _number(source: random.Random, chinese_words: bool) -> tuple[str, Fraction]:
    places = source.choice([0, 0, 1, 2])
    number = source.randrange(1, 10 ** source.randint(1, 5))
    digits = f"{Decimal(number).scaleb(-places):f}"
    if not chinese_words:
        return (f"{number:,}" if not places else digits), Fraction(number, 10**places)
    if places:
        return digits.translate(_FULL_WIDTH), Fraction(number, 10**places)
    return chinese(number), Fraction(number)


_IRRATIONAL: tuple[tuple[str, Callable[[Decimal], Decimal]], ...] = (
    ("sqrt({})", lambda x: x.sqrt()),
    ("ln({})", lambda x: x.ln()),
    ("log({})", lambda x: x.log10()),
    ("exp({})", lambda x: x.exp()),
    ("{} ** 0.7", lambda x: x ** Decimal("0.7")),
    ("根号{}", lambda x: x.sqrt()),
    ("{}的平方根 加 1", lambda x: x.sqrt() + 1),
)
