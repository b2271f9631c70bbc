/* Swaps pieces of the page in place; without it every customer link still opens a whole page.
   A visitor's click is an event posted to the public API, and then the list is asked for again. */
"use strict";

const main = document.querySelector("#person");
const toast = document.querySelector("#status");
let newest = 0;

async function fetched(url, options = {}) {
  const answer = await fetch(url, options);
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Error([problem.detail || `The service answered ${answer.status}.`, problem.remedy].filter(Boolean).join(" "));
}

function say(text, failed = false) {
  toast.textContent = text;
  toast.classList.toggle("failed", failed);
  clearTimeout(say.timer);
  if (!failed) say.timer = setTimeout(() => { toast.textContent = ""; }, 6000);
}

function replaceWith(target, html) {
  target.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
}

const listed = () => [...main.querySelectorAll(".suggestions > li[data-item-id]")].map((row) => row.dataset.itemId);

/* Mark what is new in the list and what climbed, and tell how much changed. */
function markMoves(before) {
  let fresh = 0;
  main.querySelectorAll(".suggestions > li[data-item-id]").forEach((row, now) => {
    const then = before.indexOf(row.dataset.itemId);
    const mark = row.querySelector(".moved");
    if (then < 0) fresh += 1;
    if (then >= 0 && then <= now) return;
    mark.textContent = then < 0 ? "new" : `▲ ${then - now}`;
    mark.hidden = false;
  });
  return fresh;
}

/* Show one person; `compare` marks the difference to the list shown before. */
async function show(id, visitor, compare) {
  const turn = ++newest;
  const before = listed();
  main.setAttribute("aria-busy", "true");
  try {
    const started = performance.now();
    const answer = await fetched(`/demo/${visitor ? "visitors" : "people"}/${encodeURIComponent(id)}`);
    const html = await answer.text();
    if (turn !== newest) return;
    const took = Math.round(performance.now() - started);
    replaceWith(main, html);
    history.replaceState(null, "", `/?${visitor ? "visitor" : "person"}=${encodeURIComponent(id)}`);
    markCurrent(id, visitor);
    const fresh = compare ? markMoves(before) : 0;
    say(compare ? `List and reasons in ${took} ms: ${fresh} of ${listed().length} are new.` : `List and reasons in ${took} ms.`);
  } catch (error) {
    if (turn === newest) say(error.message, true);
  } finally {
    if (turn === newest) main.removeAttribute("aria-busy");
  }
}

function markCurrent(id, visitor) {
  document.querySelectorAll("#people a, .newcomer").forEach((link) => {
    const current = visitor ? link.matches(".newcomer") : link.dataset.person === id;
    if (current) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
  });
}

function randomId(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return prefix + [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/* One visitor per tab, until somebody starts over. */
function visitorId(renew = false) {
  let id = sessionStorage.getItem("visitor");
  if (!id || renew) {
    id = randomId("visitor-");
    sessionStorage.setItem("visitor", id);
  }
  return id;
}

/* Post what the visitor did, then show what the next list is. */
async function act(button) {
  const { act: type, item, recommendation, position } = button.dataset;
  const id = main.querySelector("[data-person-id]").dataset.personId;
  const event = { event_id: randomId("page-"), session_id: id, item_id: item, event_type: type };
  if (recommendation) Object.assign(event, { recommendation_id: recommendation, position: Number(position) });
  button.disabled = true;
  try {
    await fetched("/v1/events", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(event) });
    await show(id, true, true);
  } catch (error) {
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}

let pause;
function search(input) {
  clearTimeout(pause);
  pause = setTimeout(async () => {
    try {
      const words = input.value;
      const answer = await fetched(`${input.dataset.search}?q=${encodeURIComponent(words)}`);
      const html = await answer.text();
      if (words !== input.value) return;
      replaceWith(document.querySelector(input.dataset.into), html);
      const shown = main.querySelector("[data-person-id]").dataset;
      markCurrent(shown.personId, shown.visitorMode === "yes");
    } catch (error) {
      say(error.message, true);
    }
  }, 180);
}

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const target = event.target.closest("a[data-person], a[data-visitor], button[data-act], button[data-start-over]");
  if (!target) return;
  event.preventDefault();
  if (target.dataset.person) show(target.dataset.person, false, false);
  else if ("visitor" in target.dataset) show(visitorId(), true, false);
  else if ("startOver" in target.dataset) show(visitorId(true), true, false);
  else act(target);
});

document.addEventListener("input", (event) => {
  if (event.target.matches("input[data-search]")) search(event.target);
});

/* A reload keeps the visitor it shows. */
const opened = new URLSearchParams(location.search).get("visitor");
if (opened === "visitor") show(visitorId(), true, false);
else if (opened) { sessionStorage.setItem("visitor", opened); markCurrent(opened, true); }
