"""The words a selection may use: fields, their values, and what they are called in Chinese.

- `fold` is the one way two texts are compared: NFKC (full-width forms become plain), case folded.
- A field with a closed set of values refuses any other; the remaining fields take whatever the inventory holds.
"""

import re
import unicodedata

from fleet.model.attempt import Cause, TerminalState
from fleet.model.inventory import Reach, SiteKind
from fleet.model.rollout import SiteState

FIELDS = (
    "kind",
    "district",
    "site",
    "terminal",
    "state",
    "cause",
    "wave",
    "technician",
    "reach",
    "emergency",
    "open24h",
)
"""Every field but the labels, which are whatever the inventory gives its sites and terminals (`vendor`, `arch`)."""

FIELD_ALIASES = {
    "类别": "kind",
    "类型": "kind",
    "机构类型": "kind",
    "区县": "district",
    "区": "district",
    "辖区": "district",
    "地区": "district",
    "机构": "site",
    "站点": "site",
    "终端": "terminal",
    "状态": "state",
    "原因": "cause",
    "波次": "wave",
    "批次": "wave",
    "技术员": "technician",
    "工程师": "technician",
    "触达方式": "reach",
    "方式": "reach",
    "急诊": "emergency",
    "24小时": "open24h",
    "厂商": "vendor",
    "供应商": "vendor",
    "架构": "arch",
}

_YES_NO = {
    "yes": "yes",
    "true": "yes",
    "1": "yes",
    "是": "yes",
    "有": "yes",
    "no": "no",
    "false": "no",
    "0": "no",
    "否": "no",
    "无": "no",
}

VALUES: dict[str, dict[str, str]] = {
    "kind": {**{kind.value: kind.value for kind in SiteKind}, "医院": "hospital", "药店": "pharmacy", "药房": "pharmacy"},
    "reach": {**{reach.value: reach.value for reach in Reach}, "远程": "ssh", "人工": "by-hand", "手工": "by-hand"},
    "state": {
        **{state.value: state.value for state in (*TerminalState, *SiteState)},
        **{level: level for level in ("claimed", "acknowledged", "done")},
        "未开始": "not-started",
        "进行中": "running",
        "已升级": "upgraded",
        "已暂存": "staged",
        "已自测": "self-tested",
        "失败": "failed",
        "已回滚": "rolled-back",
        "回滚": "rolled-back",
        "不可达": "unreachable",
        "连不上": "unreachable",
        "未知": "unknown",
        "等待回滚": "going-back",
        "已主动回滚": "taken-back",
        "主动回滚": "taken-back",
        "已排除": "excluded",
        "排除": "excluded",
        "待人工处理": "waiting-by-hand",
        "待人工": "waiting-by-hand",
        "已报完成": "claimed",
        "站点已确认": "acknowledged",
        "完成": "done",
        "已完成": "done",
    },
    "cause": {cause.value: cause.value for cause in Cause if cause is not Cause.NONE},
    "emergency": _YES_NO,
    "open24h": _YES_NO,
}
"""Field with a closed set of values -> every way to say one -> the one way it is stored."""

FINGERPRINT = re.compile(r"[0-9a-f]{16}")
"""Of a failure, as `fleet status --failures` shows it: what `cause:` takes beside the causes."""

_DISTRICT_SUFFIXES = ("自治县", "区", "县", "市", "旗")
_DISTRICT_SUFFIXES_EN = (" district", " county", " city")


def fold(text: str) -> str:
    """The form in which texts are compared: NFKC, case folded; folding twice changes nothing."""
    if text.isascii():
        return text.lower()
    once = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", once).casefold())


def district_names(name: str) -> tuple[str, ...]:
    """What a district of this folded name may be called: with and without 区, 县, 市 or `district`.

    青湾区 is also 青湾, but not 青湾县, which may be the next one; 青湾 alone is any of them.
    """
    for suffix in (*_DISTRICT_SUFFIXES, *_DISTRICT_SUFFIXES_EN):
        if name.endswith(suffix) and len(name) - len(suffix) >= 2:
            return name, name.removesuffix(suffix)
    return name, *(name + suffix for suffix in (_DISTRICT_SUFFIXES_EN if name.isascii() else _DISTRICT_SUFFIXES))
