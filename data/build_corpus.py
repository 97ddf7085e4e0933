"""Makes data/corpus/ from data/sources/: each Markdown file becomes the Word document or PDF that the table names.

Run from the repository's root: ``python -m data.build_corpus`` (all), or with names such as ``en/serving``. PDF needs
Playwright for Python, a Chromium (``--chromium PATH``) and a font for Chinese (Debian: ``fonts-noto-cjk``). Dates
inside the files are fixed, so that a document changes only when its source or the programs that make it do.
"""

from __future__ import annotations

import argparse
import datetime
import html
import io
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import docx
from docx.document import Document as WordDocument
from docx.oxml.ns import qn
from docx.shared import Pt
from markdown_it import MarkdownIt
from markdown_it.token import Token

# What each source becomes; every file in data/sources/ must be named here.
CORPUS = {
    "en/evaluation": "docx",
    "en/quantization": "pdf",
    "en/serving": "pdf",
    "zh/分词与词表": "pdf",
    "zh/推理部署与加速": "pdf",
    "zh/文本向量与向量检索": "docx",
    "zh/评测方法": "docx",
}
DATA = Path(__file__).resolve().parent
DATE = datetime.datetime(2025, 1, 1)
LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}
FONTS = {"en": ("Noto Serif", "Noto Sans CJK SC"), "zh": ("Noto Serif", "Noto Sans CJK SC")}

# Paragraphs, items and rows are kept on one page, so that no sentence is cut in two by a page's end.
STYLE = """
@page { size: A4; margin: 22mm 24mm 24mm 24mm }
body { font: 10.5pt/1.6 "DejaVu Sans", "Noto Sans CJK SC", sans-serif; color: #111; margin: 0 }
h1 { font-size: 20pt; line-height: 1.3; margin: 0 0 14pt }
h2 { font-size: 15pt; margin: 18pt 0 8pt }
h3 { font-size: 12.5pt; margin: 14pt 0 6pt }
h1, h2, h3, h4 { break-after: avoid }
p, li, tr, pre, table { break-inside: avoid }
p { margin: 0 0 9pt }
ul, ol { margin: 0 0 9pt; padding-left: 18pt }
ul { list-style-type: "•  " }
table { border-collapse: collapse; margin: 4pt 0 12pt; font-size: 9.5pt }
th, td { border: .6pt solid #999; padding: 4pt 14pt; text-align: left; vertical-align: top }
th { background: #f0f0f0 }
code, pre { font-family: "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace; font-size: 9.5pt }
pre { background: #f6f6f6; padding: 6pt 8pt; white-space: pre-wrap }
"""
FOOTER = '<div style="width:100%;text-align:center;font-size:8pt"><span class="pageNumber"></span></div>'


def parser() -> MarkdownIt:
    """Markdown as the sources use it: CommonMark and tables; HTML inside them is shown, not run."""
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def title_of(text: str, path: Path) -> str:
    """The first level-1 heading, or the file's name."""
    match = re.search(r"^# +(.+?)[ #]*$", text, re.MULTILINE)
    return match.group(1) if match else path.stem


def make_pdf(text: str, title: str, language: str, browser: Any) -> bytes:
    """Print Markdown to a tagged PDF with an outline, by a headless Chromium that may load nothing."""
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    body = parser().render(text)
    page = browser.new_page(java_script_enabled=False, offline=True)
    page.set_content(f'<!doctype html><html lang="{LANGUAGES[language]}"><head>{head}</head><body>{body}</body></html>')
    data: bytes = page.pdf(
        format="A4",
        prefer_css_page_size=True,
        tagged=True,
        outline=True,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOTER,
    )
    page.close()
    day = DATE.strftime("D:%Y%m%d%H%M%S").encode()  # as long as what it replaces: the file's offsets stay right
    return re.sub(rb"(?<=Date \()D:\d{14}", day, data)


def make_docx(text: str, title: str, language: str) -> bytes:
    """Turn Markdown into a Word document with heading styles, lists, tables and core properties."""
    document = docx.Document()
    core = document.core_properties
    core.title, core.author, core.last_modified_by, core.language = title, "ragbot", "ragbot", LANGUAGES[language]
    core.created = core.modified = DATE
    core.comments = ""
    _set_fonts(document, *FONTS[language])
    _fill(document, parser().parse(text))
    buffer = io.BytesIO()
    document.save(buffer)
    return _without_times(buffer.getvalue())


def _set_fonts(document: WordDocument, latin: str, east_asian: str) -> None:
    document.styles["Normal"].font.size = Pt(10.5)
    for name in ("Normal", "Heading 1", "Heading 2", "Heading 3", "Heading 4"):
        style = document.styles[name]
        style.font.name = latin
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        fonts.set(qn("w:eastAsia"), east_asian)
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):  # a theme's font would win
            fonts.attrib.pop(qn(f"w:{theme}"), None)


def _fill(document: WordDocument, tokens: list[Token]) -> None:
    lists: list[str] = []
    rows: list[list[Token]] = []
    paragraph: Any = None
    in_table = False
    for token in tokens:
        kind = token.type
        if kind in ("bullet_list_open", "ordered_list_open"):
            lists.append("List Bullet" if kind.startswith("bullet") else "List Number")
        elif kind in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif kind == "table_open":
            in_table, rows = True, []
        elif kind == "tr_open":
            rows.append([])
        elif kind == "table_close":
            in_table = False
            _add_table(document, rows)
        elif kind == "heading_open":
            paragraph = document.add_heading(level=int(token.tag[1]))
        elif kind == "paragraph_open":
            style = f"{lists[-1]} {len(lists)}".removesuffix(" 1") if lists else None
            paragraph = document.add_paragraph(style=style)
        elif kind == "inline" and in_table:
            rows[-1].append(token)
        elif kind == "inline":
            _add_runs(paragraph, token)
        elif kind in ("fence", "code_block"):
            document.add_paragraph().add_run(token.content.rstrip("\n")).font.name = "DejaVu Sans Mono"


def _add_table(document: WordDocument, rows: list[list[Token]]) -> None:
    table = document.add_table(len(rows), len(rows[0]), style="Table Grid")
    for row, tokens in zip(table.rows, rows, strict=True):
        for cell, token in zip(row.cells, tokens, strict=True):
            _add_runs(cell.paragraphs[0], token)
    document.add_paragraph()


def _add_runs(paragraph: Any, inline: Token) -> None:
    bold = italic = False
    for token in inline.children or ():
        if token.type in ("strong_open", "strong_close"):
            bold = token.type == "strong_open"
        elif token.type in ("em_open", "em_close"):
            italic = token.type == "em_open"
        elif token.type in ("text", "code_inline", "softbreak", "hardbreak"):
            run = paragraph.add_run({"softbreak": " ", "hardbreak": "\n"}.get(token.type, token.content))
            run.bold, run.italic = bold or None, italic or None
            if token.type == "code_inline":
                run.font.name = "DejaVu Sans Mono"


def _without_times(data: bytes) -> bytes:
    """The same package with the times of its parts set to the beginning of ZIP's calendar."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            info = zipfile.ZipInfo(part.filename, (1980, 1, 1, 0, 0, 0))
            new.writestr(info, old.read(part), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def main() -> None:
    """Build the documents named on the command line, or all."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", help="sources to build, such as en/serving; default: all")
    arguments.add_argument("--chromium", default="/usr/bin/chromium", help="the browser that prints the PDFs")
    arguments.add_argument("--data", type=Path, default=DATA, help="the folder that holds sources/ and corpus/")
    options = arguments.parse_args()
    found = {f"{path.parent.name}/{path.stem}" for path in (options.data / "sources").glob("*/*.md")}
    names = options.names or sorted(CORPUS)
    if unknown := (set(names) | found) - set(CORPUS):
        sys.exit(f"not in the table CORPUS at the top of {Path(__file__).name}: {', '.join(sorted(unknown))}")
    if missing := set(names) - found:
        sys.exit(f"no source in {options.data / 'sources'}: {', '.join(sorted(missing))}")
    playwright = browser = None
    try:
        for name in names:
            source = options.data / "sources" / f"{name}.md"
            text = source.read_text("utf-8")
            language = name.split("/")[0]
            if CORPUS[name] == "docx":
                data = make_docx(text, title_of(text, source), language)
            else:
                if playwright is None:
                    from playwright.sync_api import sync_playwright  # only PDF needs a browser

                    playwright = sync_playwright().start()
                    browser = playwright.chromium.launch(
                        executable_path=options.chromium,
                        args=["--no-sandbox", "--disable-background-networking", "--disable-component-update"],
                    )
                data = make_pdf(text, title_of(text, source), language, browser)
            target = options.data / "corpus" / f"{name}.{CORPUS[name]}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            sys.stdout.write(f"{target}: {len(data):,} bytes\n")
    finally:
        if browser is not None:
            browser.close()
        if playwright is not None:
            playwright.stop()


if __name__ == "__main__":
    main()
