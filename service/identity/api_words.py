"""What the page /docs says of operations and their answers, in Chinese; /openapi.json has the English."""

from __future__ import annotations

SUMMARIES = {
    "May this plate refuel?": "这辆车可以加油吗？",
    "Prolong an authorisation whose vehicle still stands": "车辆还在，延长授权",
    "Give the hold back": "撤销预授权",
    "Post a finished fuelling": "上报一笔加油记录",
    "Prices of a station now": "油站的现价",
    "Is the service able to answer?": "后台能否应答？",
    "Enrol a device with a one-time code": "用一次性代码登记设备",
    "Bring the device's next key": "提交设备的下一把密钥",
    "A device's next key has spoken at its station": "设备的下一把密钥已在油站使用",
    "Keys of a station's devices": "油站各设备的密钥",
    "What a lane shows and does now": "加油位的现况",
    "A visit so far": "进站记录（至此刻）",
    "An entry camera has read a plate": "入口摄像头识别了一块车牌",
    "Which plates are expected at the pumps": "加油机旁预计到来的车牌",
    "Is this the PIN?": "密码对吗？",
    "Wait for what people want of a lane unit": "等候人员给识别终端的指令",
    "Let a panel's browser in": "让触摸屏的浏览器登录",
    "Who may refuel while the line is down": "断网时谁可以加油",
    "Tell what was allowed while the line was down": "上报断网期间放行了什么",
    "Pair a phone": "配对手机",
    "Whose phone this is": "这是谁的手机",
    "Where stations stand": "各油站的位置",
    "What was paid, by month": "按月的支出",
    "The newest hundred charges": "最近一百张账单",
    "One charge": "一张账单",
    "The vehicle of a charge": "账单的车辆抓拍图",
    "Pay, decline or dispute a charge": "支付、拒绝账单或提出争议",
    "Mandates in force": "生效中的代扣协议",
    "Sign a mandate": "签署代扣协议",
    "Pause, resume or end a mandate": "暂停、恢复代扣或解约",
    "Hours held, proposed and owned": "持有的、申请的和名下车牌的付款时段",
    "Propose hours on a plate": "申请付款时段",
    "Confirm, refuse or withdraw proposed hours": "确认、拒绝或撤回申请的时段",
    "Let a fleet see one's tracks, or not any more": "允许或不再允许车队查看轨迹",
    "Be told of changes at once": "变化即时通知",
    "Greens that this person pays for now": "此刻由本人付款的绿灯",
    "Not me: take a plate's green away, or lift that": "不是我：收回绿灯，或解除",
    "Everything that is kept about the person": "系统保存的关于本人的全部内容",
    "Have the person erased": "删除本人的数据",
    "Whether this phone is woken": "本手机是否接收提醒",
    "Wake this phone from now on": "打开提醒",
    "Never wake this phone again": "关闭提醒",
}

ANSWERS = {
    "The database can be read and written.": "数据库可读可写。",
    "The picture.": "抓拍图。",
    'Events "changed" and, every 3 s, "alive"; ends after 300 s.': (
        "事件 changed，以及每 3 秒一次的 alive；300 秒后结束。"
    ),
    "One object; its parts are named after the tables.": "一个对象，各部分以数据表命名。",
    "Done, or done before.": "已完成，或此前已完成。",
    "The version that the station has is still the newest.": "油站已有的版本仍是最新的。",
    "The body is not such a record.": "请求体不是这种记录。",
    "The request or its signature cannot be read.": "请求或签名无法读取。",
    "No station given.": "没有写明油站。",
    "The body or its signature cannot be read, or other words than today's were agreed to.": (
        "请求体或签名无法读取，或同意的不是现行条款。"
    ),
    "The phone's request or its signature cannot be read.": "手机的请求或签名无法读取。",
    "The body, its signature or the signed text cannot be read, or is about another charge.": (
        "请求体、签名或签字内容无法读取，或针对另一张账单。"
    ),
    "The body or its signature cannot be read, or no such hours.": "请求体或签名无法读取，或没有这样的时段。",
    "The body or its signature cannot be read, or the address is of no known push service.": (
        "请求体或签名无法读取，或地址不属于已知的推送服务。"
    ),
    "Unsigned, tampered, stale, replayed, unknown or revoked; the detail says which.": (
        "未签名、被改动、过时、重放、未知或已停用；detail 说明是哪一种。"
    ),
    "The code is wrong, used or expired, or the request is not signed with the key in its body.": (
        "代码有误、已用过或已过期，或请求不是用请求体中的密钥签名。"
    ),
    "The code is wrong, used or expired, or the phone's key has not signed.": (
        "配对码有误、已用过或已过期，或没有用手机的密钥签名。"
    ),
    "Unsigned, tampered, stale, replayed, or by a key that is not paired: Greenlane-Flaw says which.": (
        "未签名、被改动、过时、重放，或密钥未配对；Greenlane-Flaw 说明是哪一种。"
    ),
    "This device may not say this, or not for this station and lane.": "该设备无权作此请求，或无权代表该油站和加油位。",
    "Not signed, and made by a page of another site.": "未签名，且来自其他网站的网页。",
    "The words are not signed by the key that signs the request.": "签字内容与请求不是同一把密钥签名。",
    "The mandate is not signed by the key that signs the request, or its text is not a mandate.": (
        "代扣协议与请求不是同一把密钥签名，或内容不是代扣协议。"
    ),
    "The words are not signed by this person's own phone, or not now.": "签字内容不是本人手机所签，或不是此刻所签。",
    "No such station.": "没有这个油站。",
    "No such authorisation.": "没有这个授权。",
    "There is no such charge, or it is another person's.": "没有这张账单，或是他人的账单。",
    "There is no such charge, it is another person's, or its picture is not kept any more.": (
        "没有这张账单，或是他人的账单，或抓拍图已不再保存。"
    ),
    "There is no such thing, or it is another person's.": "没有这一项，或属于他人。",
    "The person holds no hours on this plate, or does not own it.": "本人在该车牌上没有付款时段，或不是车辆所有人。",
    "The body did not arrive within 10 s.": "请求体 10 秒内没有到达。",
    "The visit was asked with other content.": "这次进站已用其他内容询问过。",
    "The dispenser is another lane's, or this sequence of it was reported with other content.": (
        "加油机属于其他加油位，或该序号已用其他内容上报过。"
    ),
    "Told before with other content.": "此前已用其他内容上报。",
    "The charge cannot be paid, declined or disputed as it stands.": "账单在当前状态下不能支付、拒绝或提出争议。",
    "What the mandate names can't be had as things stand.": "代扣协议中的内容目前无法满足。",
    "Ten proposals wait already, or the plate or hours can't be had.": "已有十份申请在等待，或车牌、时段不可用。",
    "The proposal was decided before.": "该申请已有结果。",
    "The person holds no hours on this plate, or no fleet has it.": "本人在该车牌上没有付款时段，或车牌不属于车队。",
    "Something of the person's is still open.": "本人还有未了结的事项。",
    "The body is longer than 64 KiB.": "请求体超过 64 KiB。",
    "The report contradicts itself.": "上报内容自相矛盾。",
    "Too many attempts; Retry-After says when the next one is listened to.": (
        "尝试次数过多；Retry-After 说明何时再受理。"
    ),
    "The database is away, locked or full: nothing was written, try again.": (
        "数据库不可用、被锁定或已满：没有写入，请重试。"
    ),
    "Whoever judges PINs is away: nothing was judged.": "核对密码的后台不可用：没有核对。",
}


def in_chinese(english: str) -> str:
    """The sentence in Chinese; a record's name as it is."""
    return SUMMARIES.get(english) or ANSWERS.get(english, english)
