"use strict";
// The table of questions. Everything that a document, a question or a model said goes into the page as text, never as markup.
(() => {
  const browser = document.getElementById("browser");
  if (!browser) return;
  const data = JSON.parse(document.getElementById("data").textContent);
  const { rows, texts, words } = data;
  const PAGE = 50;
  const RANK = { error: 0, wrong: 1, refused: 2, unjudged: 3, right: 4 };
  const columnAt = Object.fromEntries(data.columns.map((name) => [name, data.metrics.indexOf(name)]));
  const find = (id) => document.getElementById(id);
  const say = (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== "") element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  // -- what is shown, and in which order --------------------------------------------------------------------------

  rows.forEach((row, order) => {
    row.order = order;
    row.metrics = row.metrics || [];
    row.facets = row.facets || {};
    row.searched = [row.id, row.question, row.answer, row.document, row.error, ...(row.answers || [])]
      .filter(Boolean).join("\n").toLowerCase();
  });
  const state = { outcome: "", words: [], facets: {}, sort: "order", descending: false, page: 0 };
  const opened = new Set();
  let fitting = rows;

  const keys = {
    order: (row) => row.order,
    question: (row) => row.question,
    outcome: (row) => RANK[row.outcome],
    confidence: (row) => row.confidence,
  };
  const keyOf = (name) => keys[name] || ((row) => row.metrics[columnAt[name]]);

  function fits(row) {
    if (state.outcome && row.outcome !== state.outcome) return false;
    for (const [name, value] of Object.entries(state.facets)) {
      if (value && row.facets[name] !== value) return false;
    }
    return state.words.every((word) => row.searched.includes(word));
  }

  function compare(a, b) {
    const key = keyOf(state.sort);
    const [x, y] = [key(a), key(b)];
    // What was not measured stands last, whichever way.
    if (x === undefined || x === null || y === undefined || y === null) {
      return (x === undefined || x === null) - (y === undefined || y === null) || a.order - b.order;
    }
    const way = typeof x === "string" ? x.localeCompare(y) : x - y;
    return (state.descending ? -way : way) || a.order - b.order;
  }

  function refresh(page = 0) {
    fitting = rows.filter(fits).sort(compare);
    state.page = page;
    show();
  }

  // -- the table ----------------------------------------------------------------------------------------------------

  const head = find("table").tHead.rows[0];
  const body = find("table").tBodies[0];
  const columns = [["question", say("question")], ["outcome", say("outcome")]];
  if (rows.some((row) => row.confidence !== undefined)) columns.push(["confidence", say("confidence")]);
  data.columns.forEach((name) => columns.push([name, name]));

  for (const [name, title] of columns) {
    const button = make("button", { type: "button" }, title);
    button.addEventListener("click", () => sortBy(name, state.sort === name ? !state.descending : state.descending));
    head.append(make("th", { scope: "col", class: name in keys && name !== "confidence" ? "" : "n", "data-sort": name }, button));
  }

  function sortBy(name, descending) {
    state.sort = name;
    state.descending = descending;
    find("sort").value = name;
    find("descending").checked = descending;
    refresh();
  }

  const number = (value) => (value === undefined || value === null ? "" : value.toFixed(3));

  function show() {
    const last = Math.max(0, Math.ceil(fitting.length / PAGE) - 1);
    state.page = Math.min(Math.max(state.page, 0), last);
    const from = state.page * PAGE;
    const shown = fitting.slice(from, from + PAGE);
    body.replaceChildren(...shown.flatMap(rowOf));
    if (!shown.length) body.append(make("tr", { class: "row" }, make("td", { class: "text", colspan: columns.length }, say("none"))));
    find("count").textContent = shown.length ? say("count", { from: from + 1, to: from + shown.length, total: fitting.length }) : "";
    find("previous").disabled = state.page === 0;
    find("next").disabled = state.page === last;
    for (const cell of head.cells) {
      if (cell.dataset.sort !== state.sort) cell.removeAttribute("aria-sort");
      else cell.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
    }
  }

  function rowOf(row) {
    const open = opened.has(row.order);
    const id = `detail-${row.order}`;
    const button = make(
      "button", { type: "button", class: "open", lang: row.language, "aria-expanded": open, "aria-controls": id }, row.question || row.id,
    );
    const line = make(
      "tr", { class: "row", "data-order": row.order },
      make("td", { class: "text" }, button),
      make("td", { class: "outcome", "data-label": say("outcome") }, make("i", { class: `dot ${row.outcome}`, "aria-hidden": true }), say(row.outcome)),
    );
    for (const [name, title] of columns.slice(2)) {
      const text = number(keyOf(name)(row));
      line.append(make("td", { class: "n", "data-label": text && title }, text));
    }
    const cell = make("td", { colspan: columns.length });
    const detail = make("tr", { class: "detail", id }, cell);
    detail.hidden = !open;
    if (open) cell.append(...detailOf(row));
    line.addEventListener("click", (event) => {
      if (window.getSelection().toString() && event.target !== button) return;
      const now = detail.hidden;
      if (now && !cell.childNodes.length) cell.append(...detailOf(row));
      detail.hidden = !now;
      button.setAttribute("aria-expanded", now);
      if (now) opened.add(row.order);
      else opened.delete(row.order);
    });
    return [line, detail];
  }

  // -- one question -------------------------------------------------------------------------------------------------

  // Ranges count code points, JavaScript's strings do not: Array.from() does.
  function marked(text, ranges, markers) {
    const points = Array.from(text);
    const parts = [];
    const plain = (from, to) => {
      const piece = points.slice(from, to).join("");
      if (!markers) parts.push(piece);
      else piece.split(/(\[\d+\])/).forEach((part, at) => part && parts.push(at % 2 ? make("sup", { class: "marker" }, part) : part));
    };
    let at = 0;
    for (const [start, end] of ranges || []) {
      plain(at, start);
      parts.push(make("mark", {}, points.slice(start, end).join("")));
      at = end;
    }
    plain(at, points.length);
    return parts;
  }

  const place = (start, end) => (start >= 0 ? ` ${start}–${end}` : "");

  function answerOf(row) {
    const parts = [make("h3", {}, say("answer"))];
    if (row.error) return [...parts, make("p", { class: "said failed" }, `${say("failed")}: ${row.error}`)];
    if (row.refused) parts[0].append(" ", make("span", { class: "tag" }, say("abstained")));
    if (row.answer !== undefined) parts.push(make("p", { class: "said", lang: row.language }, ...marked(row.answer, row.marks, true)));
    else if (!row.refused) parts.push(make("p", { class: "where" }, say(row.kept ? "noanswer" : "noresponse")));
    return parts;
  }

  function goldOf(row) {
    const heading = make("h3", {}, say("gold"));
    if (row.answers) return [heading, make("ul", { class: "gold-answers", lang: row.language }, ...row.answers.map((text) => make("li", {}, text)))];
    return [heading, make("p", { class: "where" }, say(row.unanswerable ? "unanswerable" : "nogold"))];
  }

  function itemsOf(title, items, kind) {
    return items.length ? [make("h3", {}, title), make(kind, {}, ...items)] : [];
  }

  function detailOf(row) {
    const quotes = (row.quotes || []).map(([marker, source, text, start, end]) => make(
      "li", { class: "item" },
      make("div", { class: "where" }, make("b", {}, `[${marker}] `), texts[source] + place(start, end)),
      make("p", { lang: row.language }, texts[text]),
    ));
    const hits = (row.hits || []).map(([source, text, ranges, start, end, score, gold], at) => make(
      "li", { class: gold ? "item gold" : "item" },
      make(
        "div", { class: "where" }, make("b", {}, `${at + 1} `), gold ? make("span", { class: "tag" }, say("goldhit")) : null,
        ` ${texts[source]}${place(start, end)} · ${say("score", { score: number(score) })}`,
      ),
      make("p", {}, ...marked(texts[text], ranges)),
    ));
    const calls = (list) => list.map((text) => make("li", { class: "item" }, make("code", {}, text)));
    const values = data.metrics.map((name, at) => [name, row.metrics[at]]).filter(([, value]) => value !== null && value !== undefined);
    if (row.confidence !== undefined) values.unshift([say("confidence"), row.confidence]);
    return [
      ...answerOf(row),
      ...goldOf(row),
      ...itemsOf(say("citations"), quotes, "ul"),
      ...itemsOf(say("expected"), calls(row.expected || []), "ul"),
      ...itemsOf(say("calls"), calls(row.calls || []), "ul"),
      ...itemsOf(say("hits"), hits, "ol"),
      make("h3", {}, say("metrics")),
      make("div", { class: "values" }, ...values.map(([name, value]) => make("div", {}, make("span", {}, `${name} `), number(value)))),
      make("p", { class: "where" }, row.id + (row.document ? ` · ${say("document", { document: row.document })}` : "")),
    ];
  }

  // -- controls -----------------------------------------------------------------------------------------------------

  const outcomes = [...browser.querySelectorAll("[data-outcome]")];
  function choose(outcome) {
    state.outcome = outcome;
    outcomes.forEach((button) => button.setAttribute("aria-pressed", button.dataset.outcome === outcome));
  }
  outcomes.forEach((button) => button.addEventListener("click", () => { choose(button.dataset.outcome); refresh(); }));
  const selects = [...browser.querySelectorAll("[data-facet]")];
  selects.forEach((select) => select.addEventListener("change", () => { state.facets[select.dataset.facet] = select.value; refresh(); }));
  let waiting;
  find("search").addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      state.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      refresh();
    }, 120);
  });
  find("sort").addEventListener("change", (event) => sortBy(event.target.value, state.descending));
  find("descending").addEventListener("change", (event) => sortBy(state.sort, event.target.checked));
  function turn(by) {
    refresh(state.page + by);
    find("table").scrollIntoView();
  }
  find("previous").addEventListener("click", () => turn(-1));
  find("next").addEventListener("click", () => turn(1));

  function openQuestion(id) {
    const row = rows.find((candidate) => candidate.id === id);
    if (!row) return;
    choose("");
    selects.forEach((select) => { select.value = ""; });
    find("search").value = "";
    Object.assign(state, { words: [], facets: {} });
    opened.add(row.order);
    fitting = rows.filter(fits).sort(compare);
    refresh(Math.floor(fitting.indexOf(row) / PAGE));
    const line = body.querySelector(`[data-order="${row.order}"]`);
    line.scrollIntoView();
    line.querySelector("button").focus({ preventScroll: true });
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-question]");
    if (!link) return;
    event.preventDefault();
    openQuestion(link.dataset.question);
  });

  browser.hidden = false;
  refresh();
})();
