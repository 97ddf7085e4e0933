"""From passages to a cited answer, or a refusal."""
