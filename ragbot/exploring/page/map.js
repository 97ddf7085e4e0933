"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const map = document.getElementById("map");
  const panel = document.getElementById("passage");
  const marks = [...document.querySelectorAll("#points use")];
  const buttons = [...document.querySelectorAll("button[data-topic]")];
  const all = document.getElementById("all");
  const at = marks.map((mark) => [mark.x.baseVal.value, mark.y.baseVal.value]);
  let current = -1;
  let only = 0;

  const line = (name, text) => {
    const paragraph = document.createElement("p");
    paragraph.className = name;
    paragraph.textContent = text; // never as markup: it is what documents say
    panel.append(paragraph);
  };

  const visible = (index) => !only || data.points[index][0] === only;

  const show = (index) => {
    if (current >= 0) marks[current].classList.remove("on");
    current = index;
    if (index < 0) return;
    marks[index].classList.add("on");
    const [topic, title, where, text] = data.points[index];
    panel.replaceChildren();
    line("name", title);
    line("where", where);
    line("text", text);
    line("words", data.topics[topic]);
  };

  const nearest = (event, reach) => {
    const box = map.createSVGPoint();
    box.x = event.clientX;
    box.y = event.clientY;
    const spot = box.matrixTransform(map.getScreenCTM().inverse());
    const scale = map.viewBox.baseVal.width / map.getBoundingClientRect().width;
    let best = -1;
    let least = (reach * scale) ** 2;
    at.forEach(([x, y], index) => {
      const distance = (x - spot.x) ** 2 + (y - spot.y) ** 2;
      if (distance < least && visible(index)) [best, least] = [index, distance];
    });
    return best;
  };

  // The nearest in a direction: what lies aside counts double.
  const step = (dx, dy) => {
    if (current < 0) return at.findIndex((_, index) => visible(index));
    const [x, y] = at[current];
    let best = current;
    let least = Infinity;
    at.forEach(([ox, oy], index) => {
      const along = (ox - x) * dx + (oy - y) * dy;
      const aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
      if (along > 0.5 && aside <= 2 * along && visible(index) && along + 2 * aside < least) {
        [best, least] = [index, along + 2 * aside];
      }
    });
    return best;
  };

  const choose = (topic) => {
    only = only === topic ? 0 : topic;
    marks.forEach((mark, index) => mark.classList.toggle("off", !visible(index)));
    for (const button of buttons) button.setAttribute("aria-pressed", String(Number(button.dataset.topic) === only));
    all.setAttribute("aria-pressed", String(!only));
    if (current >= 0 && !visible(current)) show(-1);
  };

  map.addEventListener("pointermove", (event) => {
    const found = nearest(event, 16);
    if (found >= 0 && found !== current) show(found);
  });
  map.addEventListener("pointerdown", (event) => {
    const found = nearest(event, 28);
    if (found >= 0) show(found);
  });
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  map.addEventListener("keydown", (event) => {
    if (event.key in arrows) show(step(...arrows[event.key]));
    else if (event.key === "Escape") choose(0);
    else if (event.key === "Home") show(at.findIndex((_, index) => visible(index)));
    else return;
    event.preventDefault();
  });
  for (const button of buttons) button.addEventListener("click", () => choose(Number(button.dataset.topic)));
  all.addEventListener("click", () => choose(0));
})();
