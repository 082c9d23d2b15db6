// Enhancement only: every page works without this file.

// Show how many characters are left while a person types; the limit itself is in the page's text.
for (const question of document.querySelectorAll("[data-character-limit]")) {
  const field = question.querySelector("textarea");
  const count = question.querySelector("[data-character-count]");
  const limit = Number(question.dataset.characterLimit);
  const show = () => {
    const left = limit - field.value.length;
    count.textContent = `${left < 0 ? count.dataset.excess : count.dataset.remaining} ${Math.abs(left)}`;
    count.classList.toggle("cl_character-count--over", left < 0);
    count.hidden = field.value.length === 0;
  };
  field.addEventListener("input", show);
  show();
}

// A link of the error summary to a group goes to the first wrong field in it.
for (const link of document.querySelectorAll(".ds_error-summary a[href^='#']")) {
  link.addEventListener("click", (event) => {
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    const field = target?.matches("fieldset")
      ? target.querySelector("[aria-invalid='true']:not(fieldset), input, select, textarea")
      : target;
    if (field) {
      event.preventDefault();
      field.closest(".ds_question")?.scrollIntoView();
      field.focus({ preventScroll: true });
    }
  });
}

// A table that fits needs no stop for the keyboard.
const scrollers = [...document.querySelectorAll(".cl_table-scroll")];
const fit = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) {
      target.tabIndex = 0;
    } else {
      target.removeAttribute("tabindex");
    }
  }
});
scrollers.forEach((scroller) => fit.observe(scroller));

// The same form is not sent twice by a double click.
document.addEventListener("submit", ({ target }) => {
  const buttons = target.querySelectorAll("[data-prevent-double-click]");
  setTimeout(() => buttons.forEach((button) => (button.disabled = true)), 0);
});
addEventListener("pageshow", () => {
  document
    .querySelectorAll("[data-prevent-double-click][disabled]")
    .forEach((button) => (button.disabled = false));
});

// A page about work in progress is loaded again; the sentence that says so has a link to stop it.
for (const told of document.querySelectorAll("[data-reload-seconds]")) {
  told.hidden = false;
  setTimeout(
    () => location.replace(told.dataset.reloadAddress),
    Number(told.dataset.reloadSeconds) * 1000,
  );
}

const enhanced = "[data-module='ds-checkboxes'], [data-module='ds-side-navigation']";
if (document.querySelector(enhanced)) {
  const { default: DS } = await import("./design-system/design-system.js");
  for (const group of document.querySelectorAll("[data-module='ds-checkboxes']")) {
    new DS.components.Checkboxes(group).init();
  }
  for (const navigation of document.querySelectorAll("[data-module='ds-side-navigation']")) {
    new DS.components.SideNavigation(navigation).init();
  }
}
