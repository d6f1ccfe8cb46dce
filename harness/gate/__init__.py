"""Release decisions: the policy, the rules, the evidence, the certificate and its verification."""
