"""How certificates are shown on a page."""

from antigrad.geometry.page.kept import kept
from antigrad.geometry.page.page import certificate_page, certificate_sections, write_certificate_page

__all__ = ["certificate_page", "certificate_sections", "kept", "write_certificate_page"]
