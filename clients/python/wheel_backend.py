"""Builds the wheel with the standard library alone (PEP 517), so that installing needs no index and no build tools."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent
PACKAGE = ROOT / "src" / "metavault"
#: The earliest time that a zip file can tell: equal sources make equal wheels.
EPOCH = (1980, 1, 1, 0, 0, 0)
WHEEL = b"Wheel-Version: 1.0\nGenerator: metavault\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(
    wheel_directory: str, config_settings: dict[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Writes the wheel into the directory, and returns its file name."""
    settings = read_settings()
    stem = f"{settings['name']}-{settings['version']}"
    sources = sorted(path for path in PACKAGE.rglob("*") if path.suffix == ".py" or path.name == "py.typed")
    files = [(path.relative_to(PACKAGE.parent).as_posix(), path.read_bytes()) for path in sources]
    files.append((f"{stem}.dist-info/METADATA", metadata(settings).encode()))
    files.append((f"{stem}.dist-info/WHEEL", WHEEL))
    record = "".join(f"{name},sha256={digest(content)},{len(content)}\n" for name, content in files)
    files.append((f"{stem}.dist-info/RECORD", f"{record}{stem}.dist-info/RECORD,,\n".encode()))
    name = f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, content in files:
            info = zipfile.ZipInfo(path, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            wheel.writestr(info, content)
    return name


def read_settings() -> dict[str, str]:
    """The strings of pyproject.toml; Python 3.10 has no reader of TOML."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return dict(re.findall(r'^([a-z-]+) = "(.*)"$', text, re.MULTILINE))


def metadata(settings: dict[str, str]) -> str:
    """Core metadata (PEP 566)."""
    return (
        f"Metadata-Version: 2.1\nName: {settings['name']}\nVersion: {settings['version']}\n"
        f"Summary: {settings['description']}\nRequires-Python: {settings['requires-python']}\nLicense: Apache-2.0\n"
        "Classifier: Typing :: Typed\nDescription-Content-Type: text/markdown\n\n"
        + (ROOT / settings["readme"]).read_text(encoding="utf-8")
    )


def digest(content: bytes) -> str:
    """As RECORD wants it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
