// Passkeys: a form says what the browser is to be asked, and carries its answer back to us.
// Without scripts, or in a browser without passkeys, the form stays hidden and the page's other
// ways remain.

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) =>
    letter.charCodeAt(0),
  );

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

const withBytes = (list) => (list ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));

const readOptions = (form) => {
  const options = JSON.parse(form.dataset.options);
  options.challenge = toBytes(options.challenge);
  if (options.user) {
    options.user.id = toBytes(options.user.id);
  }
  options.allowCredentials = withBytes(options.allowCredentials);
  options.excludeCredentials = withBytes(options.excludeCredentials);
  return options;
};

const asText = (credential) => {
  const { response } = credential;
  const said = { clientDataJSON: toText(response.clientDataJSON) };
  if (response.attestationObject) {
    said.attestationObject = toText(response.attestationObject);
    said.transports = response.getTransports?.() ?? [];
  } else {
    said.authenticatorData = toText(response.authenticatorData);
    said.signature = toText(response.signature);
    said.userHandle = response.userHandle ? toText(response.userHandle) : null;
  }
  return JSON.stringify({
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? null,
    response: said,
  });
};

const send = (form, credential) => {
  form.elements.credential.value = asText(credential);
  form.submit();
};

const show = (form, selector, visible) => {
  for (const part of form.querySelectorAll(selector)) {
    part.hidden = !visible;
  }
};

// A password manager offers the passkey inside the email field; nobody has to choose it.
const offerQuietly = async (form, signal) => {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) {
    return;
  }
  const asked = { publicKey: readOptions(form), mediation: "conditional", signal };
  try {
    send(form, await navigator.credentials.get(asked));
  } catch (error) {
    if (error.name !== "AbortError" && error.name !== "NotAllowedError") {
      show(form, "[data-passkey-failed]", true);
    }
  }
};

const ask = async (form) => {
  const publicKey = readOptions(form);
  return form.dataset.passkey === "create"
    ? navigator.credentials.create({ publicKey })
    : navigator.credentials.get({ publicKey });
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) {
    for (const part of document.querySelectorAll("[data-passkey-unsupported]")) {
      part.hidden = false;
    }
    continue;
  }
  form.hidden = false;
  const quiet = new AbortController();
  if ("conditional" in form.dataset) {
    offerQuietly(form, quiet.signal);
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    quiet.abort();
    show(form, "[data-passkey-failed]", false);
    if (!form.reportValidity()) {
      return;
    }
    try {
      send(form, await ask(form));
    } catch {
      // Cancelled, timed out, or no passkey of ours: the browser has said which.
      show(form, "[data-passkey-failed]", true);
    }
  });
}
