// The routes of /openapi.json as a page on which they can be tried. Text is always set as text, never as HTML.
"use strict";

const WORDS = {
  en: { key: "Key", send: "Send", stop: "Stop", body: "Body (JSON)", fields: "Fields", answer: "Answer",
        required: "required", failed: "The list of routes could not be loaded." },
  zh: { key: "密钥", send: "发送", stop: "停止", body: "请求正文（JSON）", fields: "字段", answer: "回答",
        required: "必填", failed: "无法加载路由列表。" },
};
const said = WORDS[/^zh\b/i.test(navigator.language) ? "zh" : "en"];
const LONGEST = 200000;

function make(tag, text, ...children) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  node.append(...children);
  return node;
}

function resolved(schema, all) {
  let found = schema || {};
  for (let depth = 0; found.$ref && depth < 9; depth++) {
    found = found.$ref.slice(2).split("/").reduce((node, name) => node[name], all);
  }
  return found;
}

function kind(schema, all) {
  const found = resolved(schema, all);
  const several = found.anyOf || found.oneOf;
  if (several) return several.map((one) => kind(one, all)).join(" | ");
  if (found.enum) return found.enum.map((one) => JSON.stringify(one)).join(" | ");
  if ("const" in found) return JSON.stringify(found.const);
  if (found.type === "array") return `[${kind(found.items, all)}]`;
  return found.type || "any";
}

function example(schema, all, depth = 0) {
  const found = resolved(schema, all);
  if (found.examples) return found.examples[0];
  if ("default" in found) return found.default;
  if (found.enum) return found.enum[0];
  const several = found.anyOf || found.oneOf;
  if (several) return example(several[0], all, depth);
  if (found.type === "object" && found.properties && depth < 4) {
    const wanted = Object.entries(found.properties).filter(([name]) => (found.required || []).includes(name));
    return Object.fromEntries(wanted.map(([name, one]) => [name, example(one, all, depth + 1)]));
  }
  if (found.type === "array") return found.minItems ? [example(found.items, all, depth + 1)] : [];
  return { string: "", integer: 1, number: 0, boolean: false, object: {} }[found.type] ?? null;
}

function prose(tag, text) {
  const node = make(tag);
  (text || "").split(/`+/).forEach((piece, number) => node.append(number % 2 ? make("code", piece) : piece));
  return node;
}

function rows(schema, all, prefix, table) {
  const found = resolved(schema, all);
  for (const [name, one] of Object.entries(found.properties || {})) {
    const needed = (found.required || []).includes(name) ? ` (${said.required})` : "";
    const about = one.description || resolved(one, all).description;
    const cells = [make("td", "", make("code", prefix + name)), make("td", kind(one, all) + needed), prose("td", about)];
    table.append(make("tr", "", ...cells));
    if (prefix.length < 20) rows(one, all, `${prefix}${name}.`, table);
  }
}

function fields(schema, all) {
  const table = make("table");
  rows(schema, all, "", table);
  const box = make("div", "", table);
  box.className = "scroll";
  return box;
}

async function send(method, path, inputs, body, out, signal) {
  const query = new URLSearchParams();
  let target = path;
  for (const [where, name, input] of inputs) {
    if (where === "path") target = target.replace(`{${name}}`, encodeURIComponent(input.value));
    else if (where === "query" && input.value) query.append(name, input.value);
  }
  const headers = {};
  const key = document.getElementById("key").value.trim();
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  out.textContent = "…";
  const answer = await fetch("." + target + (query.size ? `?${query}` : ""), { method, headers, body, signal });
  out.textContent = `${answer.status}\n`;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { value, done } = await reader.read();
    if (!done) text = (text + value).slice(0, LONGEST);
    const plain = done && (answer.headers.get("content-type") || "").includes("application/json");
    out.textContent = `${answer.status}\n${plain ? JSON.stringify(JSON.parse(text), null, 2) : text}`;
    if (done) return;
  }
}

function route(method, path, about, all) {
  const box = make("details");
  box.append(make("summary", "", make("b", method.toUpperCase()), make("code", path), make("span", ` ${about.summary || ""}`)));
  if (about.description) box.append(prose("p", about.description));
  const inputs = [];
  const params = make("div");
  params.className = "params";
  for (const one of about.parameters || []) {
    const input = make("input");
    inputs.push([one.in, one.name, input]);
    params.append(make("label", `${one.name}${one.required ? ` (${said.required})` : ""} `, input));
  }
  box.append(params);
  const schema = about.requestBody?.content?.["application/json"]?.schema;
  let area = null;
  if (schema) {
    area = make("textarea");
    area.setAttribute("aria-label", said.body);
    area.value = JSON.stringify(example(schema, all), null, 2);
    box.append(make("h4", said.fields), fields(schema, all), make("h4", said.body), area);
  }
  if (about.requestBody && !schema) return box; // an upload: described, not tried
  const out = make("pre");
  out.setAttribute("aria-label", said.answer);
  const button = make("button", said.send);
  let under = null;
  button.addEventListener("click", async () => {
    if (under) return under.abort();
    under = new AbortController();
    button.textContent = said.stop;
    try {
      await send(method.toUpperCase(), path, inputs, area?.value, out, under.signal);
    } catch (error) {
      if (error.name !== "AbortError") out.textContent = String(error);
    }
    under = null;
    button.textContent = said.send;
  });
  box.append(button, out);
  return box;
}

async function start() {
  const routes = document.getElementById("routes");
  document.getElementById("key-label").textContent = said.key;
  document.documentElement.lang = said === WORDS.zh ? "zh" : "en";
  try {
    const all = await (await fetch("./openapi.json")).json();
    document.getElementById("about").replaceWith(prose("p", all.info.description));
    const groups = new Map();
    for (const [path, methods] of Object.entries(all.paths)) {
      for (const [method, about] of Object.entries(methods)) {
        const group = (about.tags || ["other"])[0];
        if (!groups.has(group)) groups.set(group, []);
        groups.get(group).push(route(method, path, about, all));
      }
    }
    for (const [group, boxes] of groups) routes.append(make("section", "", make("h2", group), ...boxes));
  } catch (error) {
    routes.textContent = `${said.failed} ${error}`;
  }
}

start();
