"""Attribution methods, conforming to Captum."""
