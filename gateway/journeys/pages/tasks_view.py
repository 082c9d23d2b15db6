"""The task list: the steps of a service and how far each is."""

from gateway.journeys.definition import model
from gateway.journeys.definition.service import Page
from gateway.journeys.pages.deps import Visit


def tasks_of(visit: Visit) -> list[dict[str, object]]:
    """Return the tasks as the component shows them; what cannot be begun yet has no link."""
    gettext = visit.words.gettext
    tasks: list[dict[str, object]] = []
    for step in visit.service.definition.steps:
        if not isinstance(
            step, model.Check | model.SignIn | model.Verify | model.Collect | model.Review
        ):
            continue
        pages = [page for page in visit.route.done if page.step == step.id]
        current = visit.route.current
        is_current = current is not None and current.step == step.id
        passed = bool(pages) and not is_current
        if (
            isinstance(step, model.Collect)
            and not pages
            and not is_current
            and _is_behind(visit, step)
        ):
            continue
        status: dict[str, object]
        if passed:
            status = {"text": gettext("Complete"), "complete": True}
        elif is_current:
            words = gettext("In progress") if pages else gettext("Not started")
            status = {"tag": {"text": words, "colour": "blue"}}
        else:
            status = {"tag": {"text": gettext("Cannot start yet"), "colour": "grey"}}
        tasks.append(
            {
                "title": {"text": visit.words.speaker.say(step.title)},
                "href": _link(visit, pages, current if is_current else None, step),
                "status": status,
            }
        )
    return tasks


def _link(visit: Visit, pages: list[Page], current: Page | None, step: model.Step) -> str | None:
    if current is not None:
        return visit.url(current)
    # What is proven is not proven again, and nobody signs in twice.
    if pages and not isinstance(step, model.SignIn | model.Verify):
        return visit.url(pages[-1] if isinstance(step, model.Check) else pages[0])
    return None


def _is_behind(visit: Visit, step: model.Step) -> bool:
    """Tell whether the way went past a step without asking anything there."""
    current = visit.route.current
    order = [each.id for each in visit.service.definition.steps]
    return current is not None and order.index(step.id) < order.index(current.step)
