"""SASRec of embrec with matrix products in bfloat16, which processors with AVX512-BF16 or AMX do several times as fast."""

from functools import partial

from contract import main
from embrec_sasrec import MODULES, run

if __name__ == "__main__":
    main("embrec", "embrec", MODULES, partial(run, precision="bfloat16"))
