"""What ``doctor`` looks at in the installation: Python, packages and extras."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

import attrs

from aymara_async.cli.checking.finding import Finding, Patient
from aymara_async.version import version_of

_PACKAGE = "aymara-async"
_REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)\s*(?:\[[^]]*\])?\s*\(?(?:>=\s*(?P<least>[\d.]+))?[^;]*(?:;.*extra\s*==\s*['\"](?P<extra>[\w-]+))?"
)
_OLDEST_PYTHON = (3, 11)


@attrs.frozen
class _Package:
    name: str
    least: str | None
    extra: str | None

    @property
    def installed(self) -> str | None:
        try:
            return version(self.name)
        except PackageNotFoundError:
            return None

    @property
    def fault(self) -> str | None:
        """What is wrong with it."""
        installed = self.installed
        if installed is None:
            return f"{self.name} is not installed"
        if self.least is not None and _numbers(installed) < _numbers(self.least):
            return f"{self.name} {installed} is older than {self.least}"
        return None


async def check_python(_: Patient) -> Finding:
    """Look at the interpreter."""
    where = f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}, {sys.executable}"
    if sys.version_info < _OLDEST_PYTHON:
        return Finding("python", "failure", f"{where} is too old.", "Install Python 3.11 or newer.")
    return Finding("python", "ok", where)


async def check_packages(_: Patient) -> Finding:
    """Look at the packages that are always needed."""
    packages = [package for package in _packages() if package.extra is None]
    if faults := [package.fault for package in packages if package.fault]:
        return Finding("packages", "failure", f"{'; '.join(faults)}.", f"Run: pip install --upgrade {_PACKAGE}")
    versions = [f"{package.name} {package.installed}" for package in packages]
    return Finding("packages", "ok", ", ".join([f"{_PACKAGE} {version_of(_PACKAGE)}", *versions]))


async def check_extras(_: Patient) -> Finding:
    """Look at the packages that some commands need."""
    extras: dict[str, list[_Package]] = {}
    for package in _packages():
        if package.extra not in (None, "dev"):
            extras.setdefault(str(package.extra), []).append(package)
    whole = [name for name, packages in extras.items() if not any(package.fault for package in packages)]
    absent = [name for name, packages in extras.items() if not any(package.installed for package in packages)]
    broken = [name for name in extras if name not in whole and name not in absent]
    message = f"Installed: {', '.join(sorted(whole)) or 'none'}."
    if absent:
        message += f" Not installed: {', '.join(sorted(absent))}."
    if not broken:
        return Finding("extras", "ok", message)
    faults = [package.fault for name in broken for package in extras[name] if package.fault]
    advice = f"Run: pip install --upgrade '{_PACKAGE}[{','.join(sorted(broken))}]'"
    return Finding("extras", "warning", f"{message} In part: {', '.join(sorted(broken))}: {'; '.join(faults)}.", advice)


def _packages() -> Iterator[_Package]:
    for requirement in requires(_PACKAGE) or []:
        if found := _REQUIREMENT.match(requirement):
            yield _Package(found["name"], found["least"], found["extra"])


def _numbers(release: str) -> list[int]:
    """Read a version as far as it can be compared."""
    return [int(part) for part in re.findall(r"\d+", release.partition("+")[0])[:3]]
