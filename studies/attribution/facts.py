"""What the paper, its authors' result tables and our specification say, and how maps are called on the page."""

from __future__ import annotations

NAMES = {
    "gag_0.85": "GAG-85",
    "gag_relative": "GAG-85, relative guide",
    "absolute_grad": "AbsoluteGrad (GAG-0)",
    "vargrad": "VarGrad",
    "smoothgrad": "SmoothGrad",
    "saliency": "vanilla gradient",
    "guided_backprop": "Guided Backprop",
    "integrated_gradients": "integrated gradients",
    "guided_ig": "Guided IG",
    "blur_ig": "Blur IG",
    "gradcam": "Grad-CAM",
    "gag_0.85_blurred": "GAG-85, blurred 4 px",
    "absolute_grad_blurred": "AbsoluteGrad, blurred 4 px",
    "gag_hard": "GAG-85, hard guide",
    "gag_logits_x100": "GAG-85, logits × 100",
    "smoothgrad_guided": "SmoothGrad, guided",
    "absolute_positive": "positive gradients",
    "absolute_negative": "negative gradients",
    "sobel": "Sobel edges",
    "centre": "centre Gaussian",
    "random": "random",
}
CONTROLS = ("sobel", "centre", "random")
EVERYWHERE = (*list(NAMES)[:11], *CONTROLS)
COMPETITORS = (
    "vargrad",
    "smoothgrad",
    "saliency",
    "guided_backprop",
    "integrated_gradients",
    "guided_ig",
    "blur_ig",
)
BASES = ("black", "grey", "mean")
PERCENTILES = (0.0, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85)
HEADLINE = {"rcap_s": "rank only", "rcap_calibrated": "calibrated"}
COLOURS = ("#0072b2", "#e69f00", "#009e73")
# What the authors' tables have for ImageNet-S, ResNet-50: RCAP by percentile, ratios, and gradient processes.
PAPER_BY_PERCENTILE = (0.3090, 0.3086, 0.3223, 0.3379, 0.3577, 0.3815, 0.4042, 0.4225, 0.4377)
PAPER_PROCESSES = {"absolute_positive": 1.71, "absolute_negative": 1.34, "absolute_grad": 2.00}
PAPER_PROCESSES |= {"smoothgrad_guided": 2.62, "gag_0.85": 2.86}
# Section 8.4 of the specification: RCAP, concentration, rank only, calibrated, calibrated minus Sobel.
SPECIFIED = {
    "random/black": (0.0032, 0.4899, 0.0051, 0.0032, -0.1406),
    "saliency/black": (0.0357, 0.6014, 0.0445, 0.0299, -0.1139),
    "smoothgrad/black": (0.0952, 0.5785, 0.1297, 0.0846, -0.0592),
    "smoothgrad^4/black": (0.1293, 0.9752, 0.1297, 0.0846, -0.0592),
    "vargrad/black": (0.2477, 0.6811, 0.3023, 0.1880, 0.0442),
    "vargrad^4/black": (0.3022, 0.9961, 0.3023, 0.1880, 0.0442),
    "absolute_grad/black": (0.2207, 0.5096, 0.3455, 0.2113, 0.0675),
    "absolute_grad^2/black": (0.2839, 0.6894, 0.3455, 0.2113, 0.0675),
    "absolute_grad^4/black": (0.3335, 0.8921, 0.3455, 0.2113, 0.0675),
    "absolute_grad^8/black": (0.3452, 0.9914, 0.3455, 0.2113, 0.0675),
    "gag_0.5/black": (0.2724, 0.6678, 0.3330, 0.2028, 0.0590),
    "gag_0.85/black": (0.2955, 0.9232, 0.2980, 0.1856, 0.0418),
    "gag_0.85^4/black": (0.2978, 0.9931, 0.2980, 0.1856, 0.0418),
    "gag_0.85/grey": (0.4463, 0.9232, 0.4549, 0.2670, 0.0767),
    "gag_0.85/mean": (0.4550, 0.9232, 0.4637, 0.2718, 0.0662),
    "gag_relative/black": (0.2792, 0.6951, 0.3303, 0.2034, 0.0596),
    "gag_hard/black": (0.1445, 0.9238, 0.1468, 0.0835, -0.0604),
    "gag_logits_x100/black": (0.0949, 0.6570, 0.1131, 0.0767, -0.0671),
    "absolute_grad_blurred/black": (0.2739, 0.5348, 0.4239, 0.2480, 0.1042),
    "gag_0.85_blurred/black": (0.3778, 0.8331, 0.4063, 0.2370, 0.0932),
    "gradcam/black": (0.2858, 0.4996, 0.4533, 0.2721, 0.1283),
    "gradcam^4/black": (0.4052, 0.7674, 0.4533, 0.2721, 0.1283),
    "sobel/black": (0.1996, 0.6806, 0.2685, 0.1438, 0.0),
    "sobel^4/black": (0.2667, 0.9857, 0.2685, 0.1438, 0.0),
    "sobel/grey": (0.2526, 0.6806, 0.3282, 0.1903, 0.0),
    "sobel/mean": (0.2779, 0.6806, 0.3586, 0.2055, 0.0),
    "centre/black": (0.1902, 0.7375, 0.2200, 0.1389, -0.0049),
    "centre^4/black": (0.2193, 0.9719, 0.2200, 0.1389, -0.0049),
}
TOLERANCE = {"black": 0.01, "grey": 0.01, "mean": 0.01}
SPEC_IMAGES = 90
