// Keeps an open page up to date: asks for it again, and puts in what changed.
"use strict";

const EVERY_MS = 5000;
const told = document.getElementById("live");

async function renew() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    const old = document.getElementById("main");
    told.textContent = "";
    if (fresh.textContent === old.textContent) return;
    // Whoever is reading or tabbing through keeps the place.
    const held = [...old.querySelectorAll("a, [tabindex]")].indexOf(document.activeElement);
    const scrolled = [...old.querySelectorAll(".wide")].map((each) => each.scrollLeft);
    for (const picture of fresh.querySelectorAll("img")) picture.src += `?at=${Date.now()}`;
    old.replaceWith(fresh);
    fresh.querySelectorAll(".wide").forEach((each, at) => (each.scrollLeft = scrolled[at] ?? 0));
    fresh.querySelectorAll("a, [tabindex]")[held]?.focus({ preventScroll: true });
  } catch {
    told.textContent = "not up to date: byline serve does not answer";
  }
}

setInterval(renew, EVERY_MS);
document.addEventListener("visibilitychange", renew);
