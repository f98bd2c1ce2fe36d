"""Lettering that is not a plate (danger boards, phone numbers, captions): drawn once with fonts, kept as masks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]

LETTERING = Path(__file__).with_name("lettering.npz")
MASK_HEIGHT_PX = 32

CHINESE_FONT = Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc")
LATIN_FONTS = tuple(
    Path("/usr/share/fonts/truetype") / name
    for name in ("dejavu/DejaVuSans-Bold.ttf", "dejavu/DejaVuSansMono-Bold.ttf", "dejavu/DejaVuSansCondensed-Bold.ttf")
)

CHINESE_TEXTS = (
    "危险品",
    "危险",
    "易燃液体",
    "爆",
    "腐蚀",
    "毒",
    "禁止烟火",
    "中国石化",
    "中国石油",
    "加油站",
    "出租",
    "出租车",
    "公交",
    "校车",
    "货运",
    "物流",
    "物流有限公司",
    "顺丰速运",
    "中通快递",
    "德邦物流",
    "注意安全",
    "保持车距",
    "实习",
    "内有婴儿",
    "大件运输",
    "超限",
    "核载49人",
    "核载2人",
    "总质量25000kg",
    "自卸货车",
    "混凝土搅拌车",
    "环卫",
    "洒水车",
    "救护",
    "消防",
    "工程车",
    "道路救援",
    "拖车",
    "一汽解放",
    "东风",
    "重庆长安",
    "北京现代",
    "上海大众",
    "广汽传祺",
    "福田汽车",
    "江淮汽车",
    "陕汽重卡",
    "金杯",
    "五十铃",
    "江铃",
    "粤A",
    "皖C88",
    "苏运集团",
    "放大号",
    "限速80",
    "停车场",
    "出口",
    "入口",
    "收费站",
    "超载",
    "严禁超载",
    "92号汽油",
    "0号柴油",
    "95",
    "自助加油",
    "请熄火",
    "油枪",
    "全国统一热线",
    "招租",
    "洗车",
    "轮胎",
    "汽修",
    "四川",
    "安徽",
    "江苏快运",
)
LATIN_TEXTS = (
    "13805556677",
    "TEL:62881234",
    "400-820-8820",
    "0551-3659988",
    "2013-04-18 20:42:31",
    "2015/05/11 17:02",
    "2016-07-02",
    "12:00:35",
    "08:15",
    "FOTON",
    "DONGFENG",
    "TOYOTA",
    "BENZ",
    "YUTONG",
    "ISUZU",
    "HYUNDAI",
    "JINBEI",
    "CAMRY 2.4",
    "A6L",
    "V6 3.0T",
    "4WD",
    "TURBO",
    "GL8",
    "TAXI",
    "POLICE",
    "SCHOOL BUS",
    "NO.12",
    "LANE 3",
    "88",
    "1203",
    "UN 1203",
    "33/1203",
    "CHINA POST",
    "www.auto.cn",
    "Diesel",
    "95#",
    "EXIT",
    "STOP",
    "80",
    "40 km/h",
    "K123+400",
    "MAX 4.5m",
    "ABS",
    "iVTEC",
    "B5 LINE",
    "CAM01",
    "CH-02 1280x720",
    "0000001",
    "P 24h",
    "G1500",
    "SPEED 60",
)


def draw(path: Path = LETTERING) -> int:
    """Draw every text with CHINESE_FONT (Debian's fonts-wqy-zenhei) and LATIN_FONTS into a file; returns how many."""
    from PIL import Image, ImageDraw, ImageFont

    rows: list[Mask] = []
    fonts = [(text, CHINESE_FONT) for text in CHINESE_TEXTS]
    fonts += [(text, LATIN_FONTS[n % len(LATIN_FONTS)]) for n, text in enumerate(LATIN_TEXTS)]
    for text, font_path in fonts:
        font = ImageFont.truetype(str(font_path), MASK_HEIGHT_PX - 4)
        left, top, right, bottom = font.getbbox(text)
        canvas = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
        ImageDraw.Draw(canvas).text((2 - left, 2 - top), text, font=font, fill=255)
        rows.append((np.asarray(canvas) > 127).astype(np.uint8))
    packed = np.concatenate([np.packbits(row.ravel()) for row in rows])
    np.savez_compressed(path, bits=packed, sizes=np.array([row.shape for row in rows], np.int32))
    return len(rows)


@cache
def load(path: Path = LETTERING) -> tuple[Mask, ...]:
    """The masks (height, width), 255 where there is ink."""
    with np.load(path) as stored:
        bits, sizes = stored["bits"], stored["sizes"]
    masks, start = [], 0
    for height, width in sizes:
        length = (int(height) * int(width) + 7) // 8
        flat = np.unpackbits(bits[start : start + length])[: height * width]
        masks.append(flat.reshape(height, width) * np.uint8(255))
        start += length
    return tuple(masks)
