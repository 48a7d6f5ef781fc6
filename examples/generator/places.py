"""Counties, and the names of their inspecting organs."""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent

OFFICES = {
    "市监": "市场监督管理局",
    "教育": "教育局",
    "金融": "地方金融监督管理局",
    "人社": "人力资源和社会保障局",
    "商务": "商务局",
    "财政": "财政局",
    "交通": "交通运输局",
    "生态环境": "生态环境局",
    "医保": "医疗保障局",
    "农业农村": "农业农村局",
    "卫健": "卫生健康委员会",
    "文旅": "文化和旅游局",
    "气象": "气象局",
    "应急": "应急管理局",
}


@dataclass(frozen=True)
class County:
    """A county: GB/T 2260 code, its name and its city's name."""

    code: str
    name: str
    city: str

    @property
    def full_name(self) -> str:
        """Return the name as organs carry it: districts with their city, counties and county cities alone."""
        return self.city + self.name if self.name.endswith("区") else self.name

    def office(self, department: str) -> str:
        """Return the name of the county's organ for a department, as plans abbreviate it."""
        return self.full_name + OFFICES.get(department, OFFICES["市监"])


def jiangsu() -> list[County]:
    """Return the counties of Jiangsu, by code."""
    lines = (HERE / "regions-jiangsu.tsv").read_text("utf-8").splitlines()
    return [County(*line.split("\t")) for line in lines if not line.startswith("#")]
