"""The OpenID Provider: one core, client profiles as data, one file per specification."""
