// Clicks on what ragbot.showing draws (markers of citations, sources, hits, documents) become events of the page.
const WANTED = "button[data-citation], button[data-index], button[data-hit], button[data-document], button[data-at], button[data-run]";

export default function ({ parentElement, setTriggerValue, data }) {
  const heard = (event) => {
    const place = event.target instanceof Element && event.target.closest(WANTED);
    const scope = place && place.closest("[data-scope]");
    if (!scope || !data.scopes.includes(scope.dataset.scope.split(" ")[0])) return;
    setTriggerValue("clicked", { ...place.dataset, scope: scope.dataset.scope });
  };
  if (data.lang) document.documentElement.lang = data.lang;
  if (parentElement.ragbot) document.removeEventListener("click", parentElement.ragbot);
  parentElement.ragbot = heard;
  document.addEventListener("click", heard);
  if (data.focus && parentElement.ragbotFocus !== data.focus) {
    parentElement.ragbotFocus = data.focus;
    // What is marked may be drawn a little later than this.
    for (const delay of [50, 250, 800]) setTimeout(() => {
      const place = document.getElementById("rb-focus-page") || document.getElementById("rb-focus");
      if (place) place.scrollIntoView({ block: "center" });
    }, delay);
  }
  return () => document.removeEventListener("click", heard);
}
