"""Services as schema.org linked data (contract section 6.2)."""

from gateway.catalogue.queries import ServicePage


def government_service(service: ServicePage, public_url: str) -> dict[str, object]:
    """A schema.org GovernmentService; what the entry does not say is left out."""
    listing = service.listing
    url = f"{public_url}/services/{listing.slug}"
    data: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": "GovernmentService",
        "@id": url,
        "url": url,
        "name": listing.name.text,
        "description": listing.summary.text,
        "areaServed": {"@type": "AdministrativeArea", "name": "Scotland"},
        "availableChannel": {
            "@type": "ServiceChannel",
            "serviceUrl": f"{public_url}/journeys/{service.journey_id}",
        },
    }
    if service.journey_id is None:
        del data["availableChannel"]
    if listing.supplier is not None:
        data["provider"] = {
            "@type": "GovernmentOrganization",
            "name": listing.supplier.text,
            "url": f"{public_url}/organisations/{listing.organisation}",
        }
    if service.lgsl_code is not None:
        data["serviceType"] = f"LGSL {service.lgsl_code}"
    if "who" in service.facts:
        data["audience"] = {"@type": "Audience", "audienceType": service.facts["who"].text}
    return data
