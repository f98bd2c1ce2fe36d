"""What a station's central control says of its line and its offline list, in Chinese; it says English."""

from __future__ import annotations

import re

_PATTERNS = tuple(
    (re.compile(pattern, re.DOTALL), chinese)
    for pattern, chinese in (
        (r"no complete answer within (\S+) s", "{0} 秒内没有完整应答"),
        (r"no answer in time", "未及时应答"),
        (r"no connection: .*", "连接不上"),
        (r"the client is closed", "程序正在退出"),
        (r"(\d+) calls are still hanging.*", "有 {0} 个请求仍未返回；请检查域名服务"),
        (r"the service's certificate has expired, .*", "后台的证书已过期，或者本机时间不对"),
        (r"the service's certificate is not valid yet, .*", "后台的证书尚未生效，或者本机时间不对"),
        (r"the service's certificate is not to be trusted: .*", "后台的证书不可信"),
        (r"the service's answer is compressed.*", "后台的应答被压缩，不能采用"),
        (r"the service's answer is longer than (\d+) KB", "后台的应答超过 {0} KB"),
        (r"the service's answer was cut: (\d+) of (\d+) bytes", "后台的应答不完整：{1} 字节只收到 {0} 字节"),
        (r"the service's answer was cut or is no HTTP: .*", "后台的应答不完整，或不是 HTTP"),
        (r"the service's answer (?:makes no sense|cannot be understood): .*", "后台的应答不合格式"),
        (r"the service answered with status (\d+).*", "应答状态为 {0}，不像是后台"),
        (r"the service answered (another question|about another grant).*", "后台答非所问"),
        (r"the service failed at this message .*", "后台处理此记录时出错"),
        (r"answer: expected a list of .*", "后台的应答不合格式"),
        (r"the keys cannot be kept: .*", "密钥不能保存：请检查磁盘"),
        (r"the station's title cannot be kept: .*", "油站名称不能保存：请检查磁盘"),
        (r"there is no offline list yet", "还没有离线名单"),
        (r"the station's clock went back, .*", "中控时间倒退，离线名单不能判断：请对时"),
        (r"the offline list has expired", "离线名单已过期"),
        (r"the offline list had expired when it came", "离线名单收到时已过期"),
        (r"the offline list is signed with another key .*", "离线名单由别的密钥签名"),
        (r"the offline list was tampered with: .*", "离线名单被改动过，签名不符"),
        (r"the offline list (?:makes no sense|cannot be understood): .*", "离线名单不合格式"),
        (r"the offline list is for station (\S+)", "离线名单是给油站 {0} 的"),
        (r"the offline list is older than the one before: version (\d+)", "离线名单比上一份旧：版本 {0}"),
    )
)


def in_chinese(words: str) -> str:
    """The words in Chinese; what nobody has worded, as a server of a later version may say it, as it is."""
    for pattern, chinese in _PATTERNS:
        found = pattern.fullmatch(words)
        if found is not None:
            return chinese.format(*found.groups())
    return words
