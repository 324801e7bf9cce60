"""scikit-learn's functions on tracked arrays."""

import other_code
import pytest
import sklearn

CASES = [case for case in other_code.load() if case.library == "scikit-learn"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_function(case):
    with sklearn.config_context(array_api_dispatch=True):
        other_code.check(case)
