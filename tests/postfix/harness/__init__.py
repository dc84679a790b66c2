"""End-to-end harness: a private Postfix, a PKI per run, S/MIME by openssl, our daemon. See ../README.md."""
