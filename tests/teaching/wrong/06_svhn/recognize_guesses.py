"""A network that has not been trained."""

CHECK = "check_recognize"
ADVICE = "new house numbers are recognized, and"
ADVICE_ID = "recognize.too-few"
LIKE = "right/06_svhn/recognize_by_the_classifier.py"
INSTEAD = [
    ("trained()", "classifier.Classifier(cifarlab.ConvNet(10, 28), trained().dataset)"),
    ("import numpy as np\n", "import numpy as np\n\nimport cifarlab\nfrom cifarlab.evaluation import classifier\n"),
]
