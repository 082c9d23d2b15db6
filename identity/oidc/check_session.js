// The page in a client's hidden frame that says whether the session is still the one the client
// knows (OpenID Connect Session Management 1.0, section 3.2). It tells nothing else to anybody.
"use strict";

const NAME = document.documentElement.dataset.cookie;

function browserState() {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${NAME}=`));
  return found ? found.slice(NAME.length + 1) : "";
}

async function digest(text) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(bytes), (one) => one.toString(16).padStart(2, "0")).join("");
}

async function compare(message, origin) {
  const parts = typeof message === "string" ? message.split(" ") : [];
  const [told, salt, ...rest] = (parts[1] || "").split(".");
  if (parts.length !== 2 || !told || !salt || rest.length) {
    return "error";
  }
  const state = browserState();
  if (!state) {
    return "changed";
  }
  const now = await digest(`${parts[0]} ${origin} ${state} ${salt}`);
  return now === told ? "unchanged" : "changed";
}

window.addEventListener("message", async (event) => {
  if (!event.source || event.source === window || event.origin === "null") {
    return;
  }
  event.source.postMessage(await compare(event.data, event.origin), event.origin);
});
