// What pages do on top of plain forms. Everything works without it.
"use strict";

// A form asks before it does what can't be undone: <form data-ask="…">.
document.addEventListener("submit", (event) => {
  const ask = event.target.getAttribute("data-ask");
  if (ask && !window.confirm(ask)) event.preventDefault();
});

// A select or checkbox that narrows a list sends its form at once: <form data-live>.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-live]");
  if (form && event.target.matches("select, input[type=checkbox], input[type=date]")) form.requestSubmit();
});

// In a narrow window the tab that is open is in sight.
document.querySelectorAll("nav [aria-current]").forEach((tab) => {
  const row = tab.parentElement;
  row.scrollLeft = tab.getBoundingClientRect().left - row.getBoundingClientRect().left - 24;
});

// In what is said, a name between backticks is shown as code.
const names = (root) => {
  const texts = [...root.querySelectorAll(".said p")].flatMap((said) => [...said.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE));
  for (const text of texts) {
    const parts = text.data.split("`");
    if (parts.length % 2 === 0 || parts.length === 1) continue;
    text.replaceWith(...parts.map((part, place) => (place % 2 ? Object.assign(document.createElement("code"), { textContent: part }) : part)));
  }
};
names(document);
document.addEventListener("htmx:load", (event) => names(event.detail.elt));

// <button data-copy="element-id"> copies a text and says so.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const from = document.getElementById(button.getAttribute("data-copy"));
  await navigator.clipboard.writeText(from.value ?? from.textContent);
  button.textContent = "Copied";
});

// <input data-hides="element-id" type=checkbox> hides a part of a form that is not needed.
const hide = (box) => {
  const part = document.getElementById(box.getAttribute("data-hides"));
  if (part) part.hidden = box.checked;
};
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-hides]")) hide(event.target);
});
document.querySelectorAll("[data-hides]").forEach(hide);

// <form data-passkey="create|get" action="A" hidden> asks A/ask what to ask the browser, and sends the browser's answer to A.
document.querySelectorAll("form[data-passkey]").forEach((form) => {
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) return;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.answer.value) return;
    event.preventDefault();
    const told = form.querySelector("[role=status]");
    try {
      const asked = await fetch(`${form.getAttribute("action")}/ask`, { method: "POST" });
      if (asked.redirected) { window.location = asked.url; return; }
      if (!asked.ok) throw new Error(`the server answered ${asked.status}`);
      const { challenge, options } = await asked.json();
      const create = form.dataset.passkey === "create";
      const read = create ? PublicKeyCredential.parseCreationOptionsFromJSON : PublicKeyCredential.parseRequestOptionsFromJSON;
      const publicKey = read.call(PublicKeyCredential, options.publicKey ?? options);
      const answer = await (create ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
      form.elements.challenge.value = challenge;
      form.elements.answer.value = JSON.stringify(answer.toJSON());
      form.submit();
    } catch (error) {
      told.textContent = `It did not work: ${error.message}`;
    }
  });
});

// <… id="live" data-live-part> asks for itself anew when the server says that something changed, unless somebody is at work in it.
const part = document.getElementById("live");
if (part?.hasAttribute("data-live-part") && window.htmx) {
  const words = new EventSource("/live");
  words.addEventListener("changed", () => {
    const now = document.getElementById("live");
    if (document.hidden || now.contains(document.activeElement) || now.querySelector("details[open]")) return;
    htmx.ajax("GET", window.location.href, { target: "#live", select: "#live", swap: "outerHTML" });
  });
}

// "/" puts the cursor into the page's search box.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, textarea, select")) return;
  const search = document.querySelector("input[type=search]");
  if (search) { event.preventDefault(); search.focus(); }
});

// Buttons that copy are of no use without this script.
document.querySelectorAll("[data-copy][hidden]").forEach((button) => { button.hidden = false; });
