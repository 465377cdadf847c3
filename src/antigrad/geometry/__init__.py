"""What an update does: certificates of optimizer steps, by block and by part."""

from antigrad.geometry.angle import Certificate, kappa_of_angle, repair
from antigrad.geometry.blocks import block_bounds, finest, ladder
from antigrad.geometry.effects import SafeWeight, Window, effects, interaction, safe_window
from antigrad.geometry.metric import canonical, metric, preconditioner
from antigrad.geometry.page.page import certificate_page, certificate_sections, write_certificate_page
from antigrad.geometry.watch.watch import Watch

__all__ = [
    "Certificate",
    "SafeWeight",
    "Watch",
    "Window",
    "block_bounds",
    "canonical",
    "certificate_page",
    "certificate_sections",
    "effects",
    "finest",
    "interaction",
    "kappa_of_angle",
    "ladder",
    "metric",
    "preconditioner",
    "repair",
    "safe_window",
    "write_certificate_page",
]
