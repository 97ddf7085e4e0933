"""SQL over files: what it answers, and that no query reaches anything else or goes on for ever."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from langchain_core.tools import BaseTool

from agents.tools.base import Result, ToolInputError, traits_of
from agents.tools.tables import tables
from agents.tools.tables_loading import identifier
from agents.tools.tables_process import TableLimits
from ragbot.errors import MissingExtraError, SourceError

pytest.importorskip("duckdb")
openpyxl = pytest.importorskip("openpyxl")
SECRET = "the person's own secret"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("tables")
    (found / "sales 2026.csv").write_text(
        "City,Unit Price (€),sold,day\nBerlin,2.5,3,2026-01-05\nParis,4,10,2026-01-06\nBerlin,2.5,,2026-02-01\n",
        "utf-8",
    )
    (found / "销售.csv").write_bytes("城市,数量\n北京,3\n上海,5\n北京,4\n".encode("gb18030"))
    book = openpyxl.Workbook()
    book.active.title = "Prices"
    for row in (["code", "price", "since"], ["007", 1.5, date(2026, 1, 1)], ["008", 2, None]):
        book.active.append(row)
    book.create_sheet("库存").append(["货物", "数量"])
    book["库存"].append(["苹果", 12])
    book.create_sheet("empty")
    book.save(found / "stock.xlsx")
    db = sqlite3.connect(found / "staff.db")
    db.execute("CREATE TABLE people (name TEXT, age INTEGER, note, photo BLOB)")
    db.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", [("Ann", 30, "", b"\x01"), ("李雷", 41, None, None)])
    db.commit()
    db.close()
    import duckdb

    duckdb.connect().execute(f"COPY (SELECT range AS n FROM range(100)) TO '{found / 'numbers.parquet'}'")
    (found / "secret.csv").write_text(f"a\n{SECRET}\n", "utf-8")
    (found / "secret.txt").write_text(SECRET, "utf-8")
    return found


@pytest.fixture(scope="module")
def made(folder: Path) -> Iterator[BaseTool]:
    names = ["sales 2026.csv", "销售.csv", "stock.xlsx", "staff.db", "numbers.parquet"]
    yield tables([folder / name for name in names], limits=TableLimits(seconds=2.0, memory_mb=1024, rows=5))


def ask(made: BaseTool, sql: str) -> str:
    return str(made.invoke({"sql": sql}))


@pytest.mark.parametrize(
    ("sql", "lines"),
    [
        (
            "SELECT City, sum(sold) AS n FROM sales_2026 GROUP BY City ORDER BY City",
            ["City | n", "Berlin | 3", "Paris | 10"],
        ),
        ("SELECT sum(Unit_Price * sold) FROM sales_2026", ["sum((Unit_Price * sold))", "47.5"]),
        ("SELECT month(day) AS m FROM sales_2026 WHERE sold IS NULL", ["m", "2"]),
        (
            "SELECT 城市, sum(数量) AS 合计 FROM 销售 GROUP BY 城市 ORDER BY 合计",
            ["城市 | 合计", "上海 | 5", "北京 | 7"],
        ),
        ("SELECT code, year(since) FROM stock_Prices", ['code | "year"(since)', "007 | 2026", "008 | NULL"]),
        ("SELECT * FROM stock_库存", ["货物 | 数量", "苹果 | 12"]),
        (
            "SELECT name, note, photo FROM people WHERE age > 20",
            ["name | note | photo", "Ann |  | 01", "李雷 | NULL | NULL"],
        ),
        ("SELECT name FROM people WHERE name = '韩梅梅'", ["name", "没有符合条件的行。"]),
        ("WITH n AS (SELECT * FROM numbers) SELECT max(n) AS top FROM n;", ["top", "99"]),
        (
            "SHOW TABLES",
            [
                "name",
                "numbers",
                "people",
                "sales_2026",
                "stock_Prices",
                "stock_库存",
                "(only the first 5 rows are shown; use count, sum, GROUP BY or LIMIT)",
            ],
        ),
    ],
)
def test_answers(made: BaseTool, sql: str, lines: list[str]) -> None:
    assert ask(made, sql).splitlines() == lines


def test_data_is_for_programs(made: BaseTool) -> None:
    called = made.invoke({"type": "tool_call", "id": "1", "name": made.name, "args": {"sql": "SELECT n FROM numbers"}})
    assert isinstance(called.artifact, Result)
    assert called.artifact.data == {"columns": ["n"], "rows": [[0], [1], [2], [3], [4]], "more": True}


def test_description_names_columns_and_no_value_of_a_file(made: BaseTool) -> None:
    assert "sales_2026(City VARCHAR, Unit_Price DOUBLE, sold BIGINT, day DATE)" in made.description
    assert "销售(城市 VARCHAR, 数量 BIGINT)" in made.description
    assert "Berlin" not in made.description
    assert not traits_of(made).trusted  # what stands in a table was written by others
    text = ask(made, "")
    assert "sales_2026 (sales 2026.csv, 3 rows)" in text and "Berlin | 2.5 | 3 | 2026-01-05" in text


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "SELECT citty FROM sales_2026",
            "no column “citty”. Did you mean City.*The tables are: .*sales_2026\\(City, Unit_Price, sold, day\\)",
        ),
        ("SELECT s.citty FROM sales_2026 s", "Did you mean City"),
        ("SELECT 程市 FROM 销售", "没有列“程市”。是不是 城市"),
        ("SELECT price FROM sales_2026", "of this query have no column “price”; there is one in stock_Prices"),
        ("SELECT 数量 FROM sales_2026", "没有列“数量”，销售, .*里有"),
        ("SELECT * FROM sales", "no table “sales”. Did you mean sales_2026"),
        ("SELECT * FROM 销量", "没有表“销量”.*销售\\(城市, 数量\\)"),
        ("SELEC 1", "has an error: Parser Error.*The tables are: sales_2026"),
        ("SELECT 1 +", "has an error"),
        ("SELECT City + 1 FROM sales_2026", "has an error"),
    ],
)
def test_mistakes_come_back_with_the_way_to_mend_them(made: BaseTool, sql: str, message: str) -> None:
    with pytest.raises(ToolInputError, match=message):
        ask(made, sql)


HOSTILE = [
    "SELECT * FROM read_csv('{folder}/secret.csv')",
    "SELECT * FROM '{folder}/secret.csv'",
    'SELECT * FROM "{folder}/secret.csv"',
    "SELECT * FROM read_text('{folder}/secret.txt')",
    "SELECT * FROM read_blob('{folder}/secret.txt')",
    "SELECT content FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM read_parquet('{folder}/numbers.parquet')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_json_objects('/etc/passwd')",
    "SELECT * FROM read_ndjson('/etc/passwd')",
    "SELECT * FROM parquet_metadata('{folder}/numbers.parquet')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "SELECT * FROM query_table('{folder}/secret.csv')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_text(''/etc/passwd'')'))",
    "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM 'https://example.org/x.csv'",
    "SELECT * FROM read_csv('s3://bucket/x.csv')",
    "SELECT * FROM sqlite_scan('{folder}/staff.db', 'people')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT getenv('HOME')",
    "SELECT * FROM db",
    "SELECT * FROM request",
    "COPY people TO '{folder}/out.csv'",
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "COPY people FROM '{folder}/secret.csv'",
    "EXPORT DATABASE '{folder}/out'",
    "IMPORT DATABASE '{folder}'",
    "ATTACH '{folder}/staff.db' AS other (TYPE sqlite)",
    "ATTACH '{folder}/out.db'",
    "DETACH memory",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "INSTALL '{folder}/x.duckdb_extension'",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "PRAGMA profile_output = '{folder}/out.json'",
    "PRAGMA enable_external_access = true",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET memory_limit = '100GB'",
    "RESET ALL",
    "SET VARIABLE x = 1",
    "CALL pragma_version()",
    "CREATE TABLE x AS SELECT 1",
    "CREATE SECRET s (TYPE s3)",
    "CREATE MACRO f() AS 1",
    "INSERT INTO people VALUES ('x', 1, '', '')",
    "UPDATE people SET age = 0",
    "DELETE FROM people",
    "DROP TABLE people",
    "ALTER TABLE people RENAME TO x",
    "TRUNCATE people",
    "VACUUM",
    "CHECKPOINT",
    "BEGIN",
    "PREPARE p AS SELECT 1",
    "EXPLAIN ANALYZE SELECT * FROM people",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE people",
    "SELECT 1; COPY people TO '{folder}/out.csv'",
    "-- nothing",
    ";",
    "\x00",
    "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
    "SELECT " + "1," * 20_000 + "1",
]


@pytest.mark.parametrize("sql", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_sql_gets_nothing(made: BaseTool, folder: Path, sql: str) -> None:
    before = sorted(folder.iterdir())
    with pytest.raises(ToolInputError) as caught:
        ask(made, sql.replace("{folder}", str(folder)))
    assert SECRET not in str(caught.value) and "root:" not in str(caught.value)
    assert sorted(folder.iterdir()) == before
    assert ask(made, "SELECT count(*) AS n FROM people").splitlines() == ["n", "2"]


ENDLESS = [
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
    "SELECT sum(a.n * b.n * c.n * d.n * e.n * f.n) FROM numbers a, numbers b, numbers c, numbers d, numbers e, numbers f",
    "SELECT count(*) FROM range(1000000000000) t(n) WHERE hash(n) = 0",
    "SELECT repeat('x', 1000000000)",
    "SELECT list(n) FROM range(10000000000) t(n)",
    "SELECT string_agg(n) FROM range(10000000000) t(n)",
    "SELECT * FROM range(100000000000) t(n) ORDER BY hash(n)",
    "SELECT regexp_matches(repeat('a', 100000), '(a*)*b')  FROM range(10000000)",
]


@pytest.mark.parametrize("sql", ENDLESS, ids=range(len(ENDLESS)))
def test_what_does_not_end_is_ended(made: BaseTool, sql: str) -> None:
    begun = time.monotonic()
    try:
        assert len(ask(made, sql)) < 4_000  # some machines are quick enough for a few of them
    except ToolInputError as error:
        assert any(word in str(error) for word in ("stopped", "memory", "error"))
    assert time.monotonic() - begun < 60
    assert ask(made, "SELECT count(*) AS n FROM people").splitlines() == ["n", "2"]  # it goes on afterwards


def test_files_that_cannot_be_used(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no table is named"):
        tables([])
    with pytest.raises(SourceError, match="there is no file"):
        tables([folder / "missing.csv"])
    with pytest.raises(SourceError, match=r"is no table: the tool reads \.csv"):
        tables([folder / "secret.txt"])
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 not a workbook")
    with pytest.raises(SourceError, match=r"cannot be read: .*broken\.xlsx"):
        tables([tmp_path / "broken.xlsx"])
    (tmp_path / "broken.db").write_bytes(b"no database")
    with pytest.raises(SourceError, match=r"cannot be read: .*broken\.db"):
        tables([tmp_path / "broken.db"])


def test_without_duckdb_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.tools.tables.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"ragbot\[tables\]"):
        tables([folder / "secret.csv"])


@pytest.mark.parametrize(
    ("text", "name"),
    [("Unit Price (€)", "Unit_Price"), ("2026", "_2026"), ("城市 名", "城市_名"), ("!!!", "c"), ("x" * 99, "x" * 40)],
)
def test_names_need_no_quotes(text: str, name: str) -> None:
    assert identifier(text, "c") == name
