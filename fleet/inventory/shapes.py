"""The four tables of an inventory: their columns, and the English and Chinese headings and words they take (docs/inventory.md).

The glossary's word stands first; the others are what inventories were written with before.
"""

from collections.abc import Mapping

from fleet.files.tables import Shape
from fleet.model.inventory import Reach, Role, SiteKind

DISTRICTS = Shape(
    name="districts",
    titles=("区县",),
    columns={
        "code": ("编码", "代码", "区县编码"),
        "name": ("名称", "区县名称"),
        "name_en": ("英文名称", "英文名"),
        "parent": ("上级", "上级区县", "上级编码"),
    },
    required=("code", "name"),
)

SITES = Shape(
    name="sites",
    titles=("站点", "机构"),
    columns={
        "code": ("编码", "代码", "站点编码", "机构编码"),
        "kind": ("类型", "机构类型", "类别", "机构类别"),
        "name": ("名称", "站点名称", "机构名称"),
        "district": ("区县", "区县编码"),
        "address": ("地址",),
        "latitude": ("纬度",),
        "longitude": ("经度",),
        "contact": ("联系人",),
        "phone": ("电话", "联系电话"),
        "opening_hours": ("营业时间", "开放时间"),
        "open_24h": ("24小时", "24小时营业"),
        "emergency": ("急诊",),
        "labels": ("标签",),
    },
    required=("code", "kind", "name", "district"),
)

TERMINALS = Shape(
    name="terminals",
    titles=("终端",),
    columns={
        "site": ("站点", "站点编码", "机构编码"),
        "code": ("编码", "代码", "终端编码"),
        "host": ("主机", "主机地址", "IP地址"),
        "port": ("端口",),
        "user": ("用户", "登录用户"),
        "gateway": ("网关",),
        "key_card": ("密钥卡", "密钥卡号"),
        "host_key": ("主机密钥", "主机密钥指纹"),
        "reach": ("触达方式", "升级方式", "到达方式"),
        "labels": ("标签",),
    },
    required=("site", "code"),
)

PEOPLE = Shape(
    name="people",
    titles=("人员",),
    columns={
        "code": ("编码", "代码", "人员编码"),
        "name": ("姓名", "名称"),
        "role": ("角色",),
        "os_user": ("系统用户",),
        "district": ("区县", "辖区"),
        "latitude": ("纬度",),
        "longitude": ("经度",),
        "skills": ("技能",),
        "phone": ("电话", "联系电话"),
    },
    required=("code", "name", "role"),
)

SHAPES = (DISTRICTS, SITES, TERMINALS, PEOPLE)

FLAGS = ("open_24h", "emergency")
"""Columns that say yes or no."""
_FLAG: Mapping[str, str] = {"是": "true", "否": "false"}
WORDS: Mapping[str, Mapping[str, str]] = {
    "kind": {"医院": SiteKind.HOSPITAL, "定点医院": SiteKind.HOSPITAL, "药店": SiteKind.PHARMACY, "定点药店": SiteKind.PHARMACY},
    "reach": {"远程": Reach.SSH, "人工": Reach.BY_HAND, "手工": Reach.BY_HAND},
    "role": {
        "技术员": Role.TECHNICIAN,
        "协调员": Role.COORDINATOR,
        "主管": Role.MANAGER,
        "管理者": Role.MANAGER,
        "管理人员": Role.MANAGER,
    },
    **dict.fromkeys(FLAGS, _FLAG),
}
"""Column -> Chinese word -> the word of the model. Every other word reaches the model as it is."""
