"""Documents that are made from the code: written by ``make docs``, compared by ``make check``."""

import sys
from collections.abc import Callable
from pathlib import Path

from pydantic.fields import FieldInfo

from gateway.settings import GatewaySettings
from identity.oidc.standards import make_page as make_standards
from identity.settings import IdentitySettings
from notifications.settings import NotificationsSettings
from payments.settings import PaymentsSettings
from shared.settings import ServiceSettings

ROOT = Path(__file__).resolve().parent.parent
_SERVICES: dict[str, type[ServiceSettings]] = {
    "identity": IdentitySettings,
    "payments": PaymentsSettings,
    "notifications": NotificationsSettings,
    "gateway": GatewaySettings,
}
_INTRODUCTION = """# Configuration

Every process reads environment variables and nothing else. Each service has its own prefix.
This page is made from the settings classes by `make docs`.

`make run` fills all of them in; what *it* reads is in
[how-to/run-locally.md](how-to/run-locally.md).
"""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Path) and value.is_relative_to(ROOT):
        value = value.relative_to(ROOT)
    return "empty" if value in (None, "") else f"`{value}`"


def _table(names: list[str], fields: dict[str, FieldInfo], prefix: str) -> list[str]:
    lines = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name in names:
        field = fields[name]
        if not field.description:
            raise ValueError(f"setting {prefix}{name} has no description")
        lines.append(f"| `{prefix}{name.upper()}` | {_default(field)} | {field.description} |")
    return lines


def make_configuration() -> str:
    """Return docs/configuration.md; refuses a setting without a description."""
    common = list(ServiceSettings.model_fields)
    lines = [_INTRODUCTION, "## Every service", "", "`X_` stands for the service's prefix.", ""]
    lines += _table(common, ServiceSettings.model_fields, "X_")
    for service, settings in _SERVICES.items():
        own = [name for name in settings.model_fields if name not in common]
        prefix = str(settings.model_config.get("env_prefix", ""))
        lines += ["", f"## {service}", "", *_table(own, settings.model_fields, prefix)]
    return "\n".join(lines) + "\n"


DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/configuration.md": make_configuration,
    "docs/standards.md": make_standards,
}


def main(arguments: list[str]) -> int:
    """Write the documents, or with ``--check`` say which of them are stale."""
    stale = []
    for name, make in DOCUMENTS.items():
        path, wanted = ROOT / name, make()
        if "--check" in arguments:
            if not path.exists() or path.read_text() != wanted:
                stale.append(name)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted)
    if stale:
        print(f"stale, run make docs: {', '.join(stale)}", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
