"""Each example of `greenlane admin COMMAND --help` is done by the program, on books that hold what it names."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import pytest

from greenlane.cli import main
from greenlane.cli.examples import EXAMPLES
from service.books.messages import Report
from service.store.database import Database
from tests.service.new_books import put_new_books
from tests.service.world import ManualClock, Pump, World

NOT_HERE = {
    "charge settle": "names a charge of its own",
    "charge refund": "names a charge of its own",
    "charge resolve": "names a charge of its own",
    "device revoke": "names a device of its own",
    "explain-gap": "there is no gap in these books",
    "odometer import": "reads a file",
    "track import": "reads a file",
    "backup": "writes below /var",
    "restore": "reads what backup wrote",
    "phone pin": "asks at the terminal",
    "dispenser bind": "asks at the terminal, as it moves the dispenser",
    "plate release": "no authorisation is open in these books",
}
GIVEN = """
admin station set S1
admin price set S1 92 7.50
admin card create C1001
admin plate bind 粤B12345 C1001
admin top-up C1001 500
admin phone add chen --wallet 500
admin payer set 粤B12345 chen --hours 8-16
admin person add wang --role attendant --station S1
admin vehicle set 粤B12345 --tank 60
admin fleet add wang-logistics
admin fleet plate wang-logistics 粤B12345
admin place add "Depot north" --at 22.5431,114.0579
admin dispenser bind S1 dispenser-1 L1
"""
FIRST = {
    "card create": "card show C1001",
    "fleet add": "fleet list",
    "phone add": "phone list",
    "person add": "person list",
    "place add": "place list",
    "track withdraw": "track agree 粤B12345 chen",
    "payer lift": "payer not-me 粤B12345 chen",
    "phone erase": "phone refund chen 500",
}
"""What stands before an example; where the books hold already what it makes, it makes another one."""
WORDS = [shlex.split(line)[1:] for line in EXAMPLES.splitlines() if line.startswith("greenlane admin")]


def name_of(words: list[str]) -> str:
    named = words[1:3] if len(words) > 2 and words[2].replace("-", "").isalpha() and words[2].islower() else words[1:2]
    return " ".join(named)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with what the examples name."""
    path = tmp_path_factory.mktemp("given") / "service.sqlite3"
    url = put_new_books(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GREENLANE_DATABASE", url)
        for line in GIVEN.strip().splitlines():
            patch.setattr("sys.stdin", io.StringIO("correct horse battery staple\n"))
            assert main(shlex.split(line)) == 0
    world = World(Database(url), clock=ManualClock())
    pump = Pump("dispenser-1", sequence=417)
    for _ in range(3):
        world.send(Report(pump.fuelling(world.clock, 1_000, plate=None)))
    world.database.close()
    return path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("words", [w for w in WORDS if name_of(w) not in NOT_HERE], ids=" ".join)
def test_an_example_does_what_it_shows(
    words: list[str], books: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "service.sqlite3"
    path.write_bytes(books)
    path.chmod(0o600)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GREENLANE_DATABASE", f"sqlite:///{path}")
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery staple\n"))
    monkeypatch.setattr("builtins.input", lambda _: "y")
    name = name_of(words)
    if name.endswith((" add", " create")):
        words = [*words[:3], "another", *words[4:]]
    if name in FIRST:
        assert main(["admin", *shlex.split(FIRST[name])]) == 0
    capsys.readouterr()
    assert main(words) == 0, capsys.readouterr().err
