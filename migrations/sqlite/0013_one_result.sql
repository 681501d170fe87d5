-- A run has one result of each device, whoever collected it and how often that was begun.
CREATE INDEX device_result_pair ON device_result (run_id, device_id, id);
DELETE FROM device_result WHERE run_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM device_result n
    WHERE n.run_id = device_result.run_id AND n.device_id = device_result.device_id AND n.id > device_result.id);
DROP INDEX device_result_pair;
CREATE UNIQUE INDEX device_result_once ON device_result (run_id, device_id);
