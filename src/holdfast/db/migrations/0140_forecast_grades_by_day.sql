-- The page of how good forecasts are reads the last months of two years of grades.
create index forecast_grades_by_day on forecast_grades (made_on) where actual_units is not null;
