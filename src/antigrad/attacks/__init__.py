"""What an attacker can tell from scores or losses: curves, tests, classifiers, shadow models, gaps to a reference."""

from antigrad.attacks.classify import HeldOut, like_others, logistic_apart, share_like_others, svm_apart
from antigrad.attacks.features import confidence, entropy, label_loss, logit_margin, modified_entropy
from antigrad.attacks.interval import Estimate, bootstrap, mean_interval, wilson
from antigrad.attacks.ks import ks
from antigrad.attacks.lira import offline_lira
from antigrad.attacks.privleak import privleak
from antigrad.attacks.roc import Roc, roc

__all__ = [
    "Estimate",
    "HeldOut",
    "Roc",
    "bootstrap",
    "confidence",
    "entropy",
    "ks",
    "label_loss",
    "like_others",
    "logistic_apart",
    "logit_margin",
    "mean_interval",
    "modified_entropy",
    "offline_lira",
    "privleak",
    "roc",
    "share_like_others",
    "svm_apart",
    "wilson",
]
