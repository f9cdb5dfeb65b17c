-- The CRM (MariaDB or MySQL).
CREATE TABLE customers (
    id         BIGINT PRIMARY KEY AUTO_INCREMENT,
    name       VARCHAR(80) NOT NULL,
    mobile     VARCHAR(24) NOT NULL,
    company    VARCHAR(120),
    email      VARCHAR(120),
    level      ENUM('A', 'B', 'C') NOT NULL DEFAULT 'C',
    labels     JSON,
    remark     TEXT,
    changed_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) DEFAULT CHARSET = utf8mb4;
CREATE TABLE opportunities (
    id          BIGINT PRIMARY KEY AUTO_INCREMENT,
    customer_id BIGINT NOT NULL,
    title       VARCHAR(120) NOT NULL,
    stage       ENUM('new', 'talking', 'offer', 'won', 'lost') NOT NULL DEFAULT 'new',
    amount      DECIMAL(12, 2) NOT NULL,
    closes_on   DATE
) DEFAULT CHARSET = utf8mb4;
CREATE TABLE follow_ups (
    id          BIGINT PRIMARY KEY,
    customer_id BIGINT NOT NULL,
    channel     VARCHAR(16) NOT NULL,
    summary     VARCHAR(200) NOT NULL,
    happened_at DATETIME(6) NOT NULL
) DEFAULT CHARSET = utf8mb4;
