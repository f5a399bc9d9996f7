"""`manage.py doctor`: what is misconfigured, with the mend."""

from collections import Counter

from studio.commands import StudioCommand
from studio.control.doctor import Level, examine


class Command(StudioCommand):
    help = "Say what is misconfigured and what to do. Exit code 1 if something is wrong, 0 for warnings."

    def handle(self, *args: object, **options: object) -> None:
        findings = examine()
        paints = {Level.ERROR: self.style.ERROR, Level.WARNING: self.style.WARNING, Level.NOTE: self.style.NOTICE}
        for finding in findings:
            self.stdout.write(finding.level, paints[finding.level], ending="")
            self.stdout.write(f"  {finding.what}\n         {finding.mend}")
        found = Counter(finding.level for finding in findings)
        self.stdout.write(f"{_counted(found[Level.ERROR], 'error')}, {_counted(found[Level.WARNING], 'warning')}.".capitalize())
        if found[Level.ERROR]:
            raise SystemExit(1)


def _counted(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
