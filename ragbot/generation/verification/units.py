"""Units of measurement: what dimension they have, and how many of its base unit they are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """``factor`` of these make one base unit of ``dimension``."""

    dimension: str
    factor: float


_TABLE = """
percent 1: % percent pct 百分点 个百分点
percent 0.1: ‰ permille
byte 1: byte bytes 字节
byte 1e3: kb kilobyte kilobytes 千字节
byte 1e6: mb megabyte megabytes 兆字节
byte 1e9: gb gigabyte gigabytes 吉字节
byte 1e12: tb terabyte terabytes 太字节
byte 1e15: pb petabyte petabytes
byte 1024: kib
byte 1048576: mib
byte 1073741824: gib
byte 1099511627776: tib
bit 1: bit bits 比特
second 1e-9: ns nanosecond nanoseconds 纳秒
second 1e-6: us μs microsecond microseconds 微秒
second 1e-3: ms millisecond milliseconds 毫秒
second 1: s sec secs second seconds 秒 秒钟
second 60: min mins minute minutes 分钟
second 3600: h hr hrs hour hours 小时 个小时
second 86400: day days 天
second 604800: week weeks 周 星期 个星期
month 1: month months 个月
month 12: year years 年
month 120: decade decades
month 1200: century centuries 个世纪
metre 1e-9: nm nanometre nanometres nanometer nanometers 纳米
metre 1e-6: μm micrometre micrometres micrometer micrometers 微米
metre 1e-3: mm millimetre millimetres millimeter millimeters 毫米
metre 1e-2: cm centimetre centimetres centimeter centimeters 厘米 公分
metre 1: m metre metres meter meters 米 公尺
metre 1e3: km kilometre kilometres kilometer kilometers 公里 千米
metre 500: 里
metre 1609.344: mi mile miles 英里
metre 1852: 海里
metre 0.9144: yard yards
metre 0.3048: ft foot feet 英尺
metre 0.0254: inch inches 英寸
gram 1e-3: mg milligram milligrams 毫克
gram 1: g gram grams 克
gram 1e3: kg kilogram kilograms 公斤 千克
gram 500: 斤 市斤
gram 453.59237: lb lbs 磅
gram 28.349523125: oz ounce ounces 盎司
pound 1: pound pounds
gram 1e6: t tonne tonnes ton tons 吨
area 1: 平方米 ㎡ m2 sqm
area 0.09290304: 平方英尺 sqft
area 666.6666666666666: 亩
area 4046.8564224: acre acres 英亩
area 1e4: hectare hectares 公顷
area 1e6: 平方公里 平方千米 km2
area 2589988.110336: 平方英里
litre 1e-3: ml millilitre millilitres milliliter milliliters 毫升
litre 3.785411784: gallon gallons 加仑
litre 1e3: m3 立方米
litre 1: l litre litres liter liters 升 公升
dollar 1: $ usd dollar dollars 美元 美金
euro 1: € eur euro euros 欧元
sterling 1: £ gbp 英镑
rupee 1: ₹ inr rupee rupees 卢比
franc 1: chf franc francs 法郎
rouble 1: rouble roubles ruble rubles 卢布
krw 1: krw 韩元
peso 1: peso pesos 比索
yuan 1: ¥ rmb cny yuan renminbi 元 人民币 块钱
yen 1: jpy yen 日元 日圆
hkd 1: hkd 港元 港币
twd 1: twd 新台币
celsius 1: ℃ °c 摄氏度
fahrenheit 1: ℉ °f 华氏度
hertz 1: hz hertz 赫兹
hertz 1e3: khz
hertz 1e6: mhz 兆赫
hertz 1e9: ghz
watt 1: w watt watts 瓦 瓦特
watt 1e3: kw kilowatt kilowatts 千瓦
watt 1e6: mw megawatt megawatts 兆瓦
watt 1e9: gw gigawatt gigawatts
point 60: 点 点钟
joule 1: joule joules 焦耳
joule 3.6e6: kwh 千瓦时
joule 4184: kcal 千卡 大卡
"""


#: A speed is read as the way of an hour, so that 120 km/h agrees with 每小时 120 公里, and not with 120 mph.
_SPEEDS = """
metre 1e3: km/h kmh kph kmph 公里/小时 千米/小时
metre 1609.344: mph
metre 1852: knot knots
"""


def _read(table: str) -> dict[str, Unit]:
    units: dict[str, Unit] = {}
    for line in table.strip().splitlines():
        head, _, names = line.partition(": ")
        dimension, factor = head.split()
        units |= dict.fromkeys(names.split(), Unit(dimension, float(factor)))
    return units


#: By name, in small letters and simplified characters.
UNITS = _read(_TABLE + _SPEEDS.lstrip()) | {
    "per cent": Unit("percent", 1.0),
    "percentage points": Unit("percent", 1.0),
    "percentage point": Unit("percent", 1.0),
    "degrees celsius": Unit("celsius", 1.0),
    "square metres": Unit("area", 1.0),
    "square meters": Unit("area", 1.0),
    "square kilometres": Unit("area", 1e6),
    "square kilometers": Unit("area", 1e6),
    "square miles": Unit("area", 2589988.110336),
    "square feet": Unit("area", 0.09290304),
    "cubic metres": Unit("litre", 1e3),
    "cubic meters": Unit("litre", 1e3),
    "nautical miles": Unit("metre", 1852.0),
}
#: What a unit may mean: pounds are weighed, or paid.
MEANINGS = {UNITS["pound"]: (UNITS["lb"], UNITS["gbp"])}
