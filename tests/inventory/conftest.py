"""A small good inventory, and what is told when it is spoiled."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.errors import MistakesError
from fleet.inventory import read_fleet

GOOD = {
    "districts": "code,name,parent\ncity,海岚市,\nqingwan,青湾区,city\n",
    "sites": (
        "code,kind,name,district,latitude,longitude,opening_hours,labels\n"
        "hospital-1,hospital,中心医院,qingwan,27.1,122.5,08:00-17:00,level=3\n"
        "pharmacy-1,pharmacy,潮生药房,qingwan,,,,\n"
    ),
    "terminals": (
        "site,code,host,port,gateway,key_card,reach,labels\n"
        "hospital-1,t01,127.0.0.2,22,,KC1,ssh,vendor=heron;arch=amd64\n"
        "hospital-1,t02,127.0.0.3,22,,KC2,,\n"
        "pharmacy-1,t01,127.0.0.2,22,gw.invalid,KC3,,\n"
        "pharmacy-1,t02,,,,KC4,by-hand,\n"
    ),
    "people": "code,name,role,os_user,district,skills\nanna,安娜,coordinator,anna,,\nben,本,technician,ben,qingwan,network key-card\n",
}


@pytest.fixture
def good() -> dict[str, str]:
    """The good tables' CSV text by name."""
    return dict(GOOD)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write the good tables, some replaced (None: left out), as CSV files; gives their directory."""

    def write_tables(encoding: str = "utf-8", **tables: str | None) -> Path:
        for name, text in {**GOOD, **tables}.items():
            if text is not None:
                (tmp_path / f"{name}.csv").write_bytes(text.encode(encoding))
        return tmp_path

    return write_tables


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., list[str]]:
    """The lines told about files that have mistakes, without the test's directory and the closing count."""

    def read(*paths: Path) -> list[str]:
        with pytest.raises(MistakesError) as caught:
            read_fleet(paths or [tmp_path])
        return [line.replace(f"{tmp_path}/", "") for line in caught.value.lines("en")[:-1]]

    return read
