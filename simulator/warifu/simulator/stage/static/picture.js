// Steps through the picture of an exchange: arrow keys, space, and a pace while it plays. Every button is a link that works without this.
(() => {
  let waiting = 0;
  const picture = () => document.getElementById("picture");
  const press = (id) => document.querySelector(`a#${id}`)?.click();

  // The person hears what changed: the sentence of the step, in a place that stays.
  const tell = () => {
    const words = ["picture-title", "picture-text"].map((name) => picture()?.querySelector(`[data-testid=${name}]`)?.textContent ?? "");
    document.getElementById("told").textContent = words.join(" ").replace(/\s+/g, " ").trim();
  };

  const pace = () => {
    clearTimeout(waiting);
    const shown = picture();
    if (shown && "playing" in shown.dataset) waiting = setTimeout(() => press("next"), Number(shown.dataset.pace) * 1000);
  };

  const busy = (target) => target instanceof Element && target.closest("a, button, summary, input, select, textarea") !== null;

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target instanceof Element && event.target.closest("input, select, textarea")) return;
    if (event.key === "ArrowLeft") press("prev");
    else if (event.key === "ArrowRight") press("next");
    else if (event.key === " " && !busy(event.target)) { event.preventDefault(); press("play"); }
  });

  // What a sign on the board leads to lies folded away below: it is unfolded before the browser goes there.
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href^='#b-']") : null;
    const thing = link && document.getElementById(link.hash.slice(1));
    for (let fold = thing?.closest("details"); fold; fold = fold.parentElement?.closest("details")) fold.open = true;
  });

  document.addEventListener("htmx:afterSettle", () => { tell(); pace(); });
  document.addEventListener("DOMContentLoaded", pace);
  if (document.readyState !== "loading") pace();
})();
