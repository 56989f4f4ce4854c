"""What is peculiar to PostgreSQL and to the psycopg driver. Imported by ``engines.postgresql`` alone."""
