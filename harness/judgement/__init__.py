"""How a measurement is judged: metrics, tolerance tiers and verdicts."""

# What reads stored reasons must know the classes of every module of them.
from harness.judgement import call_reasons as call_reasons
from harness.judgement import fact_reasons as fact_reasons
from harness.judgement import reasons_after_steps as reasons_after_steps
from harness.judgement import reference_reasons as reference_reasons
from harness.judgement import strict_reasons as strict_reasons
